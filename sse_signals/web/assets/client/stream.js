/**
 * The stream: one connection after the other, until it is stopped.
 *
 * @import { Block, End, Host } from './internal.js'
 */

import { Decoder } from './decoder.js';
import { Pause } from './pause.js';
import { backoff, LONGEST, query, refusal, renew, request } from './request.js';

/** Milliseconds between two connections, or two heartbeats, at least, whatever the hub says. */
const SHORTEST = 100;

export class Stream {
  #host;
  #stopped = false;
  /** The present connection. @type {AbortController | undefined} */
  #connection;
  /** @type {End | undefined} */ #end;
  /** What the present connection asks for; undefined is all there is. @type {string[] | undefined} */
  #asked;
  /** @type {string | undefined} */ #queried;
  #open = false;
  /** Whether something of what the present connection brought has been left to the next. */
  #missed = false;
  #pause = new Pause();
  #failures = 0;
  #denials = 0;
  #retry = 3e3;
  /** Milliseconds between two heartbeats. */
  #heartbeat = 15e3;
  #heard = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #watch;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #change;
  #soon = false;
  /** Where it is renewed. */
  #path = '';
  #renewing = false;

  /** @param {Host} host */
  constructor(host) {
    this.#host = host;
    this.#run();
  }

  /** Whether the open connection brings all that is wanted. */
  get complete() {
    const asked = this.#asked;
    return this.#open && !this.#missed && (!asked || this.#host.topics().every((topic) => asked.includes(topic)));
  }

  /** What is wanted has changed. What is new is asked for soon, what is not wanted any more a little later. */
  changed() {
    const soon = !this.complete;
    // Changes without end would put it off without end.
    if (this.#stopped || (this.#change && (this.#soon || !soon))) return;
    clearTimeout(this.#change);
    this.#soon = soon;
    this.#change = setTimeout(() => {
      this.#change = undefined;
      const topics = this.#host.topics();
      const nothing = !topics.length;
      const other = nothing || query(topics) !== this.#queried;
      if (this.#pause.endless) other && this.#pause.end();
      else if (nothing || (this.#open && (other || this.#missed))) this.#cut({ reason: '', wait: 0, quiet: true });
    }, soon ? 20 : 1e3);
  }

  /** Look whether the connection is still alive, and do not wait any longer than one must. */
  look() {
    this.#check();
    this.#pause.look();
  }

  /** End the present connection; the next follows at once. */
  cut() {
    this.#cut({ reason: '', wait: 0 });
  }

  /** The machine says that it is offline: go and see. */
  offline() {
    this.cut();
    this.look();
  }

  /** Ask for the token anew, and show it to the hub. */
  again() {
    this.#host.tokens.drop();
    this.cut();
  }

  /** The token is about to expire. */
  async #expiring() {
    const connection = this.#connection;
    if (!connection || this.#renewing) return;
    this.#renewing = true;
    await renew(this.#host, this.#path, connection.signal);
    if (connection === this.#connection) this.#renewing = false;
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#change);
    this.cut();
    this.#pause.stop();
  }

  /** @param {End} end */
  #cut(end) {
    this.#end ??= end;
    this.#connection?.abort();
  }

  async #run() {
    const host = this.#host;
    /** @type {End | undefined} */ let end;
    await 0; // so that nobody is called back before subscribe() returns
    while (!this.#stopped) {
      while (!host.topics().length) {
        this.#queried = undefined;
        host.idle();
        await this.#pause.take();
        if (this.#stopped) return;
      }
      if (globalThis.navigator?.onLine === false) {
        host.tell('offline', {});
        await this.#pause.take(LONGEST, 0); // then try all the same: it may be wrong
        if (this.#stopped || !host.topics().length) continue;
      }
      host.tell('connecting', {}, end?.quiet);
      if (this.#stopped) return;
      end = await this.#connect();
      if (this.#stopped) return;
      const { reason, problem, wait, after = 0, lasting, denied } = end;
      if (lasting || denied) host.leave();
      if (lasting) {
        host.tell('refused', { reason, problem });
        await this.#pause.take();
      } else if (wait !== 0) {
        const ms = wait ?? after + backoff(this.#retry, this.#failures++);
        host.tell('waiting', { reason, problem, retryIn: ms / 1000 });
        await this.#pause.take(ms, Date.now() + after);
      }
    }
  }

  /** @returns {Promise<End>} */
  async #connect() {
    const { signal } = (this.#connection = new AbortController());
    this.#end = undefined;
    try {
      return await this.#read(signal);
    } catch (error) {
      return this.#end ?? { reason: error instanceof RangeError ? error.message : 'network' };
    } finally {
      this.#open = this.#missed = this.#renewing = false;
      this.#connection.abort();
      this.#connection = undefined;
      clearTimeout(this.#watch);
    }
  }

  /** @param {AbortSignal} signal @returns {Promise<End>} */
  async #read(signal) {
    const host = this.#host;
    this.#listen();
    /** @type {Promise<never>} */
    const cut = new Promise((_, reject) => signal.addEventListener('abort', reject));
    try {
      await Promise.race([host.tokens.get(), cut]);
    } catch {
      if (this.#end?.reason) host.tokens.drop(); // one that never comes must not be waited for again
      return this.#end ?? { reason: 'token' };
    }
    this.#heard = 0;
    const poll = await Promise.race([host.enter(), cut]);
    this.#listen();
    const topics = host.topics();
    this.#queried = query(topics);
    this.#asked = this.#queried ? topics : undefined;
    const path = `/stream?${this.#queried}${poll ? '&poll=1' : ''}`;
    const response = await request(host, path, signal, host.lastId() && { 'Last-Event-ID': host.lastId() });
    if (response.status !== 200) return this.#refused(response);
    if (!/^text\/event-stream/i.test(`${response.headers.get('Content-Type')}`)) return { reason: 'not-a-stream' };
    const decoder = new Decoder(host.lastId());
    const reader = /** @type {ReadableStream} */ (response.body).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        if (poll && this.complete) host.caughtUp();
        return { reason: 'ended', wait: this.#open ? (poll ? 0 : this.#retry) : undefined };
      }
      this.#heard = Date.now();
      for (const block of decoder.feed(value)) {
        const end = this.#take(block, decoder.retry, signal, poll);
        if (end) return end;
        signal.throwIfAborted();
      }
    }
  }

  /** @param {Response} response @returns {Promise<End>} */
  async #refused(response) {
    const end = await refusal(response);
    const { reason, problem } = end;
    if (response.status === 401) return this.#denied(end, true);
    if (!problem || !/400|403/.test(`${response.status}`)) return end;
    const topic = /** @type {any} */ (problem.errors?.[0])?.value;
    if (!this.#asked?.includes(topic)) return { ...end, lasting: true };
    this.#host.refused(topic, problem);
    return { reason, wait: 0, quiet: true };
  }

  /**
   * @param {End} end
   * @param {boolean} lasting whether there is no other way without another token
   * @returns {End}
   */
  #denied(end, lasting) {
    const { tokens } = this.#host;
    tokens.drop();
    if (lasting && !tokens.renewable) return { ...end, lasting };
    return this.#denials++ ? { ...end, denied: true } : { ...end, wait: 0 };
  }

  /**
   * @param {Block} block
   * @param {number | undefined} retry
   * @param {AbortSignal} signal
   * @param {boolean} [poll]
   * @returns {End | undefined}
   */
  #take(block, retry, signal, poll) {
    const { event, data } = block;
    const host = this.#host;
    const again = Math.max(SHORTEST, retry ?? this.#retry);
    if (event === 'signals.goodbye') {
      const { reason } = JSON.parse(data);
      if (/^(expired|revoked|not-granted)$/.test(reason)) return this.#denied({ reason }, false);
      return { reason, wait: again, after: again };
    }
    if (event === 'signals.expiring') {
      this.#expiring();
    } else if (event === 'signals.open') {
      const receipt = JSON.parse(data);
      this.#open = true;
      this.#failures = 0;
      this.#retry = again;
      this.#heartbeat = Math.max(SHORTEST, receipt.heartbeat * 1000 || 15e3);
      this.#path = `/streams/${receipt.stream}/renew`;
      host.opened(receipt, this.#asked, block.id, poll);
      this.#check();
      clearTimeout(this.#change);
      this.#change = undefined;
      this.changed(); // it may lack what has come to be wanted meanwhile
    } else if (event === 'signals.heartbeat') {
      this.#denials = 0;
    }
    // What it gets while it lacks something is left to the next connection, which then has it all, in order.
    if (this.complete) host.take(block);
    else this.#missed = true;
  }

  #listen() {
    this.#heard = Date.now();
    this.#check();
  }

  /** Watch over the silence of the connection. */
  #check() {
    clearTimeout(this.#watch);
    if (!this.#connection || !this.#heard) return;
    const limit = Math.max(2 * this.#heartbeat, this.#open ? 0 : 3e3);
    const rest = this.#heard + limit - Date.now();
    if (rest > 0) this.#watch = setTimeout(() => this.#check(), Math.min(rest, limit));
    else this.#cut({ reason: 'silence', wait: this.#open ? 0 : undefined });
  }
}
