/** A stream of the page's own: one connection after the other, each from where the last one ended. */

import { Decoder } from '../client/decoder.js';
import { backoff, sleep } from '../client/request.js';
import { query } from './address.js';
import { refused } from './requests.js';
import { record, said } from './words.js';

/** @import { Block, Problem, Receipt, State, Wish } from './types.js' */
/** @typedef {{ reason: string, problem?: Problem, wait?: number, after?: number, lasting?: boolean }} End */

/** What no wait will mend: another token or other topics are needed. */
const LASTING = new Set(['expired', 'revoked', 'not-granted']);

export class Stream {
  #wish;
  #take;
  #tell;
  #stopped = false;
  /** The id to go on after; '' before the first. */
  last;
  #retry = 3e3;
  #heartbeat = 15e3;
  #failures = 0;
  #connection = new AbortController();
  #pause = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #watch;
  #silent = false;

  /**
   * @param {Wish} wish
   * @param {(block: Block, before: string) => void} take gets each signal, gap and notice, and the id before it
   * @param {(state: State) => void} tell is called when the connection is in another state
   */
  constructor(wish, take, tell) {
    this.#wish = wish;
    this.last = wish.after ?? '';
    this.#take = take;
    this.#tell = tell;
    this.#run();
  }

  /** End it for good. */
  stop() {
    this.#stopped = true;
    this.#connection.abort();
    this.#pause.abort();
    clearTimeout(this.#watch);
  }

  /** Do not wait any longer. */
  now() {
    this.#pause.abort();
  }

  async #run() {
    await 0; // so that nobody is told anything before the constructor returns
    if (/[^!-~]/.test(this.#wish.token)) return this.#tell({ status: 'closed', reason: 'bad-token' });
    while (!this.#stopped) {
      this.#tell({ status: 'connecting' });
      const { reason, problem, lasting, wait, after = 0 } = await this.#connect();
      if (this.#stopped) return;
      if (lasting) return this.#tell({ status: 'closed', reason, problem });
      const ms = wait ?? after + backoff(this.#retry, this.#failures++);
      this.#pause = new AbortController();
      this.#tell({ status: 'waiting', reason, problem, until: Date.now() + ms });
      await sleep(ms, this.#pause.signal);
    }
  }

  /** @returns {Promise<End>} */
  async #connect() {
    this.#connection = new AbortController();
    this.#silent = false;
    this.#heard();
    try {
      return await this.#read(this.#connection.signal);
    } catch (error) {
      if (this.#silent) return { reason: 'silence' };
      return error instanceof RangeError ? { reason: 'too-large', lasting: true } : { reason: 'network' };
    } finally {
      clearTimeout(this.#watch);
      this.#connection.abort();
    }
  }

  /** @param {AbortSignal} signal @returns {Promise<End>} */
  async #read(signal) {
    const { url, topics, since, token } = this.#wish;
    const asked = query(topics, { since: this.last ? '' : since });
    const response = await fetch(`${url}/stream${asked && `?${asked}`}`, {
      signal,
      cache: 'no-store',
      redirect: 'manual', // or the token might go anywhere
      credentials: token ? 'omit' : 'same-origin', // a cookie that says somebody else would be refused
      headers: {
        ...(token && { Authorization: `Bearer ${token}` }),
        ...(this.last && { 'Last-Event-ID': this.last }),
      },
    });
    if (response.status !== 200) {
      const end = await refused(response);
      const passing = !end.problem || response.status >= 500 || [408, 429].includes(response.status);
      return { ...end, lasting: !passing };
    }
    if (!/^text\/event-stream/i.test(`${response.headers.get('Content-Type')}`)) return { reason: 'not-a-stream' };
    const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
    const decoder = new Decoder(this.last);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { reason: 'ended' };
      this.#heard();
      for (const block of decoder.feed(value)) {
        const end = this.#block(block, decoder.retry);
        if (end) return end;
      }
    }
  }

  /** @param {Block} block @param {number | undefined} retry @returns {End | undefined} */
  #block(block, retry) {
    const before = this.last;
    if (block.event === 'signals.goodbye') {
      const reason = said(record(block.data).reason) || 'ended';
      return { reason, wait: Math.max(100, retry ?? this.#retry), lasting: LASTING.has(reason) };
    }
    this.last = block.id;
    if (block.event === 'signals.open') {
      const receipt = /** @type {Receipt} */ (/** @type {unknown} */ (record(block.data)));
      this.#failures = 0;
      this.#retry = Math.max(100, retry ?? this.#retry);
      this.#heartbeat = Math.min(3600e3, Math.max(1e3, Number(said(receipt.heartbeat)) * 1000 || 15e3));
      this.#heard();
      this.#tell({ status: 'open', receipt });
    } else if (block.event === 'signals.gap' || !/^signals\.(?!expiring$)/.test(block.event)) {
      this.#take(block, before);
    }
  }

  /** Something came: the silence begins anew. */
  #heard() {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => {
      this.#silent = true;
      this.#connection.abort();
    }, 2 * this.#heartbeat);
  }
}
