/** The form that connects, and what it says of the connection. The token is kept here, and nowhere else. */

import { readFragment, readSince, readTopics, writeFragment, writeTopics } from './address.js';
import { announce, part, say } from './dom.js';
import { cut, overdue, visible, why } from './words.js';

/** @import { State, Wish } from './types.js' */

const LED =
  'The address of the page was changed to what the form says now. Look at it, and press Reconnect: your token is sent.';

export class Connect {
  #url;
  #connect;
  #topics = part('topics', HTMLInputElement);
  #since = part('since', HTMLInputElement);
  #field = part('token', HTMLInputElement);
  #forget = part('forget', HTMLButtonElement);
  #problem = part('connect-problem', HTMLElement);
  #go = part('connect-go', HTMLButtonElement);
  #end = part('disconnect', HTMLButtonElement);
  #now = part('now', HTMLButtonElement);
  #token = '';
  /** @type {State | undefined} */ #state;
  #announced = '';
  /** When it began to connect. */
  #began = 0;

  /**
   * @param {string} url the hub's
   * @param {{ connect: (wish: Wish, pressed: boolean) => void, disconnect: () => void, now: () => void }} acts
   *   `pressed` is whether somebody asked for it by hand, and not a link
   */
  constructor(url, { connect, disconnect, now }) {
    this.#url = url;
    this.#connect = connect;
    part('connect', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#connectTo(true);
    });
    this.#end.addEventListener('click', disconnect);
    this.#now.addEventListener('click', now);
    this.#forget.addEventListener('click', () => {
      disconnect();
      this.#keep('');
      this.#field.focus();
    });
    addEventListener('hashchange', () => this.fromFragment());
    setInterval(() => this.#show(), 500); // it counts down
  }

  get token() {
    return this.#token;
  }

  focus() {
    this.#topics.focus();
  }

  /** Connect with what the form says. @param {boolean} pressed */
  #connectTo(pressed) {
    let topics, since;
    let field = this.#topics; // where what is wrong can be mended
    try {
      topics = readTopics(field.value);
      field = this.#since;
      since = readSince(field.value);
    } catch (error) {
      say(this.#problem, cut(/** @type {TypeError} */ (error).message));
      field.setAttribute('aria-invalid', 'true');
      return field.focus();
    }
    for (const good of [this.#topics, this.#since]) good.removeAttribute('aria-invalid');
    if (this.#field.value.trim()) this.#keep(this.#field.value.trim());
    history.replaceState(null, '', writeFragment(topics, since));
    this.#connect({ url: this.#url, topics, since, token: this.#token }, pressed);
  }

  /**
   * Connect to what the fragment of the page's URL names, if it does. Who holds a token is asked first: a page that has
   * opened this one can change the fragment, and would choose what the token is used for.
   */
  fromFragment() {
    const asked = readFragment(location.hash);
    if (!asked) return;
    this.#topics.value = asked.topics === '*' ? '' : asked.topics;
    this.#since.value = asked.since || 'live';
    if (this.#token || this.#field.value.trim()) say(this.#problem, LED);
    else this.#connectTo(false);
  }

  /** @param {State | undefined} state undefined is before the first connection, and after a disconnect */
  tell(state) {
    this.#state = state;
    this.#began = Date.now();
    const { status = '', reason, problem } = state ?? {};
    const busy = status !== '' && status !== 'closed';
    this.#end.disabled = !busy;
    this.#now.hidden = status !== 'waiting';
    say(this.#go, busy ? 'Reconnect' : 'Connect');
    // While it tries again, why it has to is still what one wants to know.
    if (status !== 'connecting') say(this.#problem, reason === undefined ? '' : why(reason, problem));
    this.#show();
    const text = this.#text(0);
    if (text !== this.#announced) announce((this.#announced = text));
  }

  #show() {
    const seconds = Math.max(0, Math.ceil(((this.#state?.until ?? 0) - Date.now()) / 1000));
    part('state', HTMLElement).dataset.status = this.#state?.status ?? 'off';
    say(part('state-text', HTMLElement), this.#text(seconds));
    const late = this.#state?.status === 'connecting' && overdue(Date.now() - this.#began);
    if (late) say(this.#problem, late);
  }

  /** @param {number} seconds until it tries again */
  #text(seconds) {
    const { status = '', receipt } = this.#state ?? {};
    if (status === 'open')
      return `Open${typeof receipt?.subject === 'string' ? `, as ${visible(receipt.subject)}` : ''}`;
    if (status === 'connecting') return 'Connecting';
    if (status === 'waiting') return seconds ? `Reconnecting in ${seconds} s` : 'Reconnecting soon';
    return status === 'closed' ? 'Closed' : 'Not connected';
  }

  /** @param {string} token */
  #keep(token) {
    this.#token = token;
    this.#field.value = ''; // nobody can read it off the page
    this.#field.placeholder = token ? 'one is held' : 'if the hub wants one';
    this.#forget.hidden = !token;
  }
}

/** Return the topics of a wish as the form shows them. @param {string[]} topics */
export const shownTopics = (topics) => writeTopics(topics) || 'everything';
