/** Who is connected: asks the hub for its streams every two seconds, while somebody looks. */

import { read } from './overview.js';
import { ask, Refused } from './requests.js';
import { NO_HUB } from './words.js';

/** @import { Overview, Wish } from './types.js' */

/** Milliseconds from an answer to the next question, and after a failure. */
const EVERY = 2e3;
const LATER = 10e3;

export class Watch {
  #hub;
  #took;
  #tell;
  #stopped = false;
  #asking = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;

  /**
   * @param {Pick<Wish, 'url' | 'token'>} hub
   * @param {(overview: Overview) => void} took
   * @param {(why: string, refused: boolean) => void} tell gets a sentence when it cannot be had; whether that stays so
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

  /** Do not wait any longer. */
  again() {
    clearTimeout(this.#timer);
    if (!this.#stopped && !this.#asking) this.#look();
  }

  async #look() {
    this.#asking = true;
    const next = await this.#ask();
    this.#asking = false;
    if (!this.#stopped && next) this.#timer = setTimeout(() => this.#look(), next);
  }

  /** @returns {Promise<number>} milliseconds until the next question; 0 is that there is none */
  async #ask() {
    try {
      const document = await ask(this.#hub, 'streams');
      if (!Array.isArray(document?.nodes)) throw new Refused(0, NO_HUB);
      if (!this.#stopped) this.#took(read(document));
      return EVERY;
    } catch (error) {
      if (this.#stopped) return 0;
      const refused = error instanceof Refused && [401, 403, 404].includes(error.status);
      this.#tell(sentence(/** @type {Error} */ (error)), refused);
      return refused ? 0 : LATER;
    }
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
