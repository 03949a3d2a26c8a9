/** Who is connected: asks the hub for its streams every two seconds, while somebody looks. */

import { read } from './overview.js';
import { ask, Refused } from './requests.js';

/** @import { Overview, Wish } from './types.js' */

/** Milliseconds from an answer to the next question, and after a failure. */
const EVERY = 2e3;
const LATER = 10e3;

export class Watch {
  #hub;
  #took;
  #tell;
  #stopped = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;

  /**
   * @param {Pick<Wish, 'url' | 'token'>} hub
   * @param {(overview: Overview) => void} took
   * @param {(why: string) => void} tell gets a sentence when it cannot be had
   */
  constructor(hub, took, tell) {
    this.#hub = hub;
    this.#took = took;
    this.#tell = tell;
    this.#look();
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #look() {
    let next = EVERY;
    try {
      const document = await ask(this.#hub, 'streams');
      if (!this.#stopped) this.#took(read(document));
    } catch (error) {
      if (this.#stopped) return;
      this.#tell(sentence(/** @type {Error} */ (error)));
      if (error instanceof Refused && [401, 403, 404].includes(error.status)) return; // it will say so again
      next = LATER;
    }
    if (!this.#stopped) this.#timer = setTimeout(() => this.#look(), next);
  }
}

/** @param {Error} error */
function sentence(error) {
  const status = error instanceof Refused ? error.status : 0;
  if (status === 401) return `The list of streams needs a token with the admin grant. ${error.message}`;
  if (status === 403) return `The list of streams needs the admin grant. ${error.message}`;
  if (status === 404) return 'This hub does not list its streams.';
  return error.message;
}
