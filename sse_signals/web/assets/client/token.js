/** The token of whoever uses a client: asked for once, kept, and asked for again when it is no good any more. */

import { report } from './report.js';

export class Tokens {
  #source;
  #changed;
  /** @type {Promise<void> | undefined} */ #asked;
  #n = 0;
  /** The token that was given last; '' is none. */
  last = '';

  /**
   * @param {import('../client.js').Options['token']} option
   * @param {() => void} changed is called when there is another one
   */
  constructor(option, changed) {
    this.#source = typeof option === 'function' ? option : () => option;
    /** Whether there may be another one. */
    this.renewable = this.#source === option;
    this.#changed = changed;
  }

  /** See that there is one; whoever asks meanwhile waits for the same answer. */
  get() {
    this.#asked ??= this.#ask(++this.#n);
    return this.#asked;
  }

  /** See that there is a new one. */
  fresh() {
    this.drop();
    return this.get();
  }

  /** The token is no good any more. */
  drop() {
    this.#asked = undefined;
  }

  /** @param {number} n @returns {Promise<void>} */
  async #ask(n) {
    try {
      await 0; // so that get() has returned, even if it throws at once
      const token = `${(await this.#source()) || ''}`.trim();
      if (/[^!-~]/.test(token)) throw new TypeError('token is no visible ASCII');
      if (n !== this.#n) return this.get(); // it is late: there may be somebody else now
      const changed = token !== this.last;
      this.last = token;
      if (changed) this.#changed();
    } catch (error) {
      if (n === this.#n) this.drop();
      report(error);
      throw error;
    }
  }
}

/**
 * Return the name of what the tabs of a hub and a subject share. Subjects are compared as the hub compares them: users
 * and groups as full entity refs. Anonymous is ''.
 *
 * @param {string} url
 * @param {string} subject
 */
export function keyOf(url, subject) {
  const [, kind, namespace = 'default/', name] = /^(user:|group:)([^:/\s]+\/)?([^:/\s]+)$/i.exec(subject) ?? [];
  const form = name ? (kind + namespace + name).normalize().toLowerCase() : subject;
  // The number is that of how tabs talk to each other: those that talk otherwise must not meet.
  return `sse-signals-1|${url}|${encodeURIComponent(form)}`;
}

/**
 * Return the subject of a token that is a JWT, which only the hub can check.
 *
 * @param {string} token
 * @returns {string | undefined}
 */
export function subjectOf(token) {
  try {
    const part = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    const { sub } = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (c) => c.charCodeAt(0))));
    if (typeof sub === 'string') return sub;
  } catch {
    // it is something else
  }
}
