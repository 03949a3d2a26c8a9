/** The form that connects, and what it says of the connection. The token is kept here, and nowhere else. */

import { readFragment, readSince, readTopics, writeFragment, writeTopics } from './address.js';
import { announce, part, say } from './dom.js';
import { visible, why } from './words.js';

/** @import { State, Wish } from './types.js' */

/** Milliseconds without an answer after which one would like to know why. */
const SLOW = 5e3;
const UNANSWERED =
  'There is no answer yet. Over HTTP/1.1 a browser opens six connections to a hub: close other tabs of it.';

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
   * @param {{ connect: (wish: Wish) => void, disconnect: () => void, now: () => void }} acts
   */
  constructor(url, { connect, disconnect, now }) {
    this.#url = url;
    this.#connect = connect;
    part('connect', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.go();
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

  /** Connect with what the form says. */
  go() {
    let topics, since;
    try {
      topics = readTopics(this.#topics.value);
      since = readSince(this.#since.value);
    } catch (error) {
      say(this.#problem, /** @type {TypeError} */ (error).message);
      return this.#topics.focus();
    }
    if (this.#field.value.trim()) this.#keep(this.#field.value.trim());
    history.replaceState(null, '', writeFragment(topics, since));
    this.#connect({ url: this.#url, topics, since, token: this.#token });
  }

  /** Connect to what the fragment of the page's URL names, if it does. */
  fromFragment() {
    const asked = readFragment(location.hash);
    if (!asked) return;
    this.#topics.value = asked.topics === '*' ? '' : asked.topics;
    this.#since.value = asked.since || 'live';
    this.go();
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
    if (this.#state?.status === 'connecting' && Date.now() - this.#began > SLOW) say(this.#problem, UNANSWERED);
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
