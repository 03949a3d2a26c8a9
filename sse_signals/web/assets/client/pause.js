/** What a stream does between two connections: wait, until somebody ends that. */

import { sleep } from './request.js';

export class Pause {
  #end = new AbortController();
  #notBefore = 0;
  #stopped = false;

  /** Whether it waits for something that time does not bring. */
  get endless() {
    return this.#notBefore === Infinity;
  }

  /** @param {number} [ms] without it, until it is ended @param {number} [notBefore] when `look` may end it */
  async take(ms, notBefore = Infinity) {
    if (this.#stopped) return;
    this.#notBefore = notBefore;
    this.#end = new AbortController();
    await sleep(ms, this.#end.signal);
    this.#notBefore = 0;
  }

  /** End it, if that may be. */
  look() {
    if (Date.now() >= this.#notBefore) this.end();
  }

  end() {
    this.#end.abort();
  }

  /** There is no other after it. */
  stop() {
    this.#stopped = true;
    this.end();
  }
}
