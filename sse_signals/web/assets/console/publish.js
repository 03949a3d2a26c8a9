/** The form that publishes. */

import { publishBody, publishLine } from './curl.js';
import { copy, make, part, toast } from './dom.js';
import { ask, Refused } from './requests.js';
import { NO_HUB, said, visible } from './words.js';

/** @typedef {{ url: string, token: string }} Hub */

const NEITHER = 'This is no JSON. Mend it, or choose text.';

/**
 * Read a message as it was typed.
 *
 * @param {string} typed
 * @param {boolean} isText
 * @returns {{ json: string, problem: string }} JSON text; the digits of numbers stay as they are
 */
export function readMessage(typed, isText) {
  if (isText) return { json: JSON.stringify(typed), problem: '' };
  try {
    JSON.parse(typed);
    return { json: typed.trim(), problem: '' };
  } catch (error) {
    return { json: '', problem: `${NEITHER} ${error instanceof Error ? visible(error.message) : ''}` };
  }
}

export class Publisher {
  #hub;
  #topic = part('publish-topic', HTMLInputElement);
  #message = part('publish-message', HTMLTextAreaElement);
  #event = part('publish-event', HTMLInputElement);
  #targets = part('publish-targets', HTMLInputElement);
  #text = part('is-text', HTMLInputElement);
  #note = part('message-note', HTMLElement);
  #go = part('publish-go', HTMLButtonElement);
  #result = part('result', HTMLElement);

  /** Whether the last had no answer. */
  #away = false;

  /** @param {() => Hub} hub says where to publish */
  constructor(hub) {
    this.#hub = hub;
    part('publish-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#publish();
    });
    part('publish-copy', HTMLButtonElement).addEventListener('click', () => {
      const body = this.#body();
      const { url, token } = this.#hub();
      if (body !== undefined) copy(publishLine({ url, body, authorised: token !== '' }), 'The line that publishes');
    });
    for (const kind of [part('is-json', HTMLInputElement), this.#text])
      kind.addEventListener('change', () => this.#check());
    this.#message.addEventListener('input', () => this.#check());
    this.#message.addEventListener('keydown', ({ key, ctrlKey, metaKey }) => {
      if (key === 'Enter' && (ctrlKey || metaKey)) this.#publish();
    });
    this.#check();
  }

  focus() {
    this.#topic.focus();
  }

  /** The hub is there again: that it was not is no news any more. */
  back() {
    if (this.#away) this.#result.replaceChildren();
    this.#away = false;
  }

  #check() {
    const { problem } = readMessage(this.#message.value, this.#text.checked);
    this.#note.textContent = problem || (this.#text.checked ? 'Sent as a JSON string.' : 'Sent as it stands.');
    this.#message.setAttribute('aria-invalid', `${problem !== ''}`);
    return problem;
  }

  /** @returns {string | undefined} the body, unless something is wrong, which is then said */
  #body() {
    const { json, problem } = readMessage(this.#message.value, this.#text.checked);
    if (problem) {
      this.#message.focus();
      toast(problem);
      return undefined;
    }
    const targets = this.#targets.value.split(/[\s,]+/).filter(Boolean);
    return publishBody({ message: json, topic: this.#topic.value.trim(), event: this.#event.value.trim(), targets });
  }

  async #publish() {
    const body = this.#body();
    if (body === undefined || this.#go.disabled) return;
    this.#go.disabled = true;
    this.#away = false;
    this.#result.replaceChildren(make('p', { class: 'note' }, 'Publishing …'));
    try {
      const id = (await ask(this.#hub(), 'publish', body))?.id;
      if (typeof id !== 'string') throw new Refused(0, NO_HUB);
      const text = `Published: it is in the log as ${visible(id)}.`;
      this.#result.replaceChildren(make('p', { class: 'good' }, text));
    } catch (error) {
      this.#away = error instanceof Refused && error.status === 0;
      this.#result.replaceChildren(...refusal(/** @type {Error} */ (error)));
    } finally {
      this.#go.disabled = false;
      this.#result.scrollIntoView({ block: 'nearest' });
    }
  }
}

/** Say why not. @param {Error} error @returns {Node[]} */
function refusal(error) {
  const problem = error instanceof Refused ? error.problem : undefined;
  if (!problem) {
    const unknown = 'Whether it was published is not known: look for it in the list.';
    return [
      make(
        'p',
        { class: 'problem' },
        `${error.message} ${error instanceof Refused && error.status === 0 ? unknown : ''}`,
      ),
    ];
  }
  const { status, title, detail = '', hint = '', errors = [] } = problem;
  // What they say beyond the sentence that is told anyway.
  const more = errors
    .map((one) => [/** @type {any} */ (one)?.field, /** @type {any} */ (one)?.detail].map(said))
    .filter(([, what]) => what && !detail.includes(what));
  const fields = more.map(([field, what]) => make('li', {}, visible([field, what].filter(Boolean).join(': '))));
  return [
    make('p', { class: 'problem' }, make('strong', {}, visible(`${status} ${title}`)), ` ${visible(detail)}`),
    make('p', {}, visible(hint)),
    ...(fields.length ? [make('ul', { class: 'note' }, ...fields)] : []),
  ];
}
