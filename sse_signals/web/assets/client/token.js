/** The token of whoever uses a client: asked for once, kept, and asked for again when it is no good any more. */

/** @typedef {string | null | undefined} Token */

export class Tokens {
  #option;
  #changed;
  /** @type {Promise<Token> | undefined} */ #asked;
  /** The token that was given last. @type {Token} */
  last;

  /**
   * @param {import('../client.js').Options['token']} option
   * @param {() => void} changed is called when there is another one
   */
  constructor(option, changed) {
    this.#option = option;
    this.#changed = changed;
  }

  /** Whether there may be another one. */
  get renewable() {
    return typeof this.#option === 'function';
  }

  /** Return the token; whoever asks meanwhile waits for the same answer. */
  get() {
    this.#asked ??= this.#ask();
    return this.#asked;
  }

  /** Return a new token. */
  fresh() {
    this.drop();
    return this.get();
  }

  /** The token is no good any more. */
  drop() {
    this.#asked = undefined;
  }

  async #ask() {
    try {
      const option = this.#option;
      const token = typeof option === 'function' ? await option() : option;
      const changed = token !== this.last;
      this.last = token;
      if (changed) this.#changed();
      return token;
    } catch (error) {
      this.#asked = undefined;
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
  return `sse-signals|${url}|${encodeURIComponent(form)}`;
}

/**
 * Return the subject of a token that is a JWT, which only the hub can check.
 *
 * @param {Token} token
 * @returns {string | undefined}
 */
export function subjectOf(token) {
  try {
    const part = /** @type {string} */ (token).split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    const { sub } = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (c) => c.charCodeAt(0))));
    return typeof sub === 'string' ? sub : undefined;
  } catch {
    return undefined;
  }
}
