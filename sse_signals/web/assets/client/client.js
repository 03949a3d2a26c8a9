/**
 * Signals of an sse_signals hub, in a browser or in Node.js 20 and later.
 *
 * @import { Callbacks, Options, Problem, SignalEvent, Status, StatusDetail } from '../client.js'
 * @import { Block, Host } from './internal.js'
 */

import { watchPage } from './page.js';
import { Ready } from './ready.js';
import { hubUrl } from './request.js';
import { Stream } from './stream.js';
import { Subscriptions } from './subscriptions.js';
import { Tabs } from './tabs.js';
import { keyOf, subjectOf, Tokens } from './token.js';
import { checkTopic } from './topics.js';

const CLOSED = 'the client is closed';

export class SignalsClient {
  #subscriptions = new Subscriptions();
  /** @type {Stream | undefined} */ #stream;
  /** @type {Tabs | undefined} */ #tabs;
  /** @type {AbortController | undefined} */ #page;
  /** What the open stream asks for; undefined is all there is. @type {string[] | undefined} */
  #asked = [];
  /** @type {Map<string, Problem>} */ #refused = new Map();
  /** @type {Status} */ #status = 'waiting';
  /** @type {StatusDetail} */ #detail = {};
  #id;
  /** The ids of what it has had of late: what a hand-over brings twice. @type {Set<string>} */
  #had = new Set();
  #ready = new Ready();
  #options;
  /** The key that is not this client's after all. @type {string | undefined} */
  #wrong;
  /** @type {Host} */ #host;

  /** @param {Options} options */
  constructor(options) {
    const { url, token, lastEventId = '', credentials = 'omit' } = (this.#options = { ...options });
    this.#id = lastEventId;
    this.#host = {
      url: hubUrl(url),
      credentials,
      tokens: new Tokens(token, () => this.#newToken()),
      lastId: () => this.#id,
      topics: () => this.#wanted(this.#everyones()),
      enter: () => {
        const key = this.#key();
        if (key) this.#tabs ??= this.#join(key);
        return this.#tabs?.turn();
      },
      opened: ({ subject }, asked, id, poll) => {
        const key = this.#tabs?.key;
        if (key && key !== keyOf(this.#host.url, subject ?? '')) return this.#part(key);
        if (poll) return;
        this.#id ||= id; // what others are told has a place from where they can catch up
        this.#asked = asked;
        this.#tell('open', {});
      },
      take: (block) => this.#take(block),
      tell: (status, detail, quiet) => {
        if (quiet && this.#status === 'open') return;
        if (!this.#tabs?.following || status === 'refused') this.#tell(status, detail);
      },
      caughtUp: () => this.#tabs?.caughtUp(),
      refused: (topic, problem) => {
        this.#refused.set(topic, problem);
        this.#retell();
      },
      leave: () => this.#leave(),
      idle: () => {
        this.#leave();
        if (this.#had.size) this.#id = ''; // nobody wants what is published meanwhile
        this.#tell(this.#refused.size ? 'refused' : 'waiting', {});
      },
    };
  }

  /**
   * Get the signals of a topic from now on.
   *
   * @param {string} topic a topic, or a prefix that ends in '*'
   * @param {(message: any, event: SignalEvent) => void} onSignal
   * @param {Callbacks} [callbacks]
   */
  subscribe(topic, onSignal, callbacks) {
    if (typeof onSignal !== 'function') throw new TypeError(`onSignal is ${typeof onSignal}, not a function`);
    if (this.#status === 'closed') throw new Error(CLOSED);
    const subscription = { ...callbacks, topic: checkTopic(topic), onSignal };
    const change = () => {
      if (this.#ready.failed !== undefined) this.#ready.begin();
      this.#tabs?.want();
      this.#changed();
      queueMicrotask(() => this.#retell());
    };
    this.#subscriptions.add(subscription);
    change();
    return {
      unsubscribe: () => {
        if (this.#subscriptions.delete(subscription)) change();
      },
    };
  }

  /** Resolves when a stream is open that holds all topics subscribed to by now; rejects when refused or closed. */
  get ready() {
    return this.#ready.promise;
  }

  get status() {
    return this.#status;
  }

  get lastEventId() {
    return this.#id;
  }

  /** End it for good; nothing is delivered any more. */
  close() {
    this.#page?.abort();
    this.#halt();
    this.#tell('closed', {});
    this.#subscriptions.clear();
    this.#ready.settle(new Error(CLOSED));
  }

  #everyones() {
    return [...this.#subscriptions.topics, ...(this.#tabs?.wanted ?? [])];
  }

  /** @param {string[]} topics */
  #wanted(topics) {
    return [...new Set(topics)].filter((topic) => !this.#refused.has(topic));
  }

  #own() {
    return this.#wanted(this.#subscriptions.topics);
  }

  #changed() {
    const topics = this.#everyones();
    for (const topic of this.#refused.keys()) if (!topics.includes(topic)) this.#refused.delete(topic);
    this.#start();
    this.#stream?.changed();
  }

  #start() {
    this.#stream ??= new Stream(this.#host);
    this.#page ??= watchPage(({ type }) => {
      if (/hide|freeze/.test(type)) {
        this.#halt(); // it is put away, and must hold nothing
        this.#tell('waiting', { reason: 'frozen' });
      } else if (type === 'offline') {
        this.#stream?.offline();
      } else {
        if (/show|resume/.test(type)) this.#start();
        this.#stream?.look(); // it may have slept, or have a network again
      }
    });
  }

  #halt() {
    this.#leave();
    this.#stream?.stop();
    this.#stream = undefined;
  }

  #leave() {
    this.#tabs?.leave();
    this.#tabs = undefined;
  }

  /** @param {string} [wrong] a key not to share under any more */
  #part(wrong) {
    this.#wrong = wrong;
    this.#leave();
    this.#stream?.cut();
  }

  #newToken() {
    this.#refused.clear();
    this.#stream?.changed(); // what has been refused may not be now
    if (this.#tabs && this.#tabs.key !== this.#key()) this.#part();
  }

  /** Return what tabs have in common that may share a connection; undefined if this one may not. */
  #key() {
    const { share = true, subject } = this.#options;
    const { url, credentials, tokens } = this.#host;
    const said = subjectOf(tokens.last);
    const who = subject ?? said ?? (tokens.last || credentials !== 'omit' ? undefined : '');
    if (!share || who === undefined || !globalThis.navigator?.locks || !globalThis.BroadcastChannel) return;
    const key = keyOf(url, who);
    return key === this.#wrong || (said && key !== keyOf(url, said)) ? undefined : key;
  }

  /** @param {string} key */
  #join(key) {
    return new Tabs(key, {
      topics: () => this.#own(),
      state: () => ({
        status: this.#status,
        detail: this.#detail,
        asked: this.#asked,
        refused: [...this.#refused],
        at: this.#id,
      }),
      follow: ({ status, detail, asked, refused }) => {
        this.#asked = asked;
        this.#refused = new Map(refused);
        this.#tell(status, detail);
      },
      covered: () => this.#own().every((topic) => this.#statusOf(topic)[0] === 'open'),
      has: (id) => (this.#id ? this.#had.has(id) : (this.#pass(id), true)),
      take: (block) => this.#take(block),
      expiring: () => this.#stream?.again(),
      changed: () => this.#changed(),
      leads: () => this.#tell('connecting', {}),
      lost: (broken) => (broken ? this.#part(key) : this.#stream?.cut()),
    });
  }

  /** @param {Status} status @param {StatusDetail} detail */
  #tell(status, detail) {
    if (this.#status === 'closed') return;
    this.#status = status;
    this.#detail = detail;
    this.#retell();
    this.#tabs?.state();
  }

  #retell() {
    this.#subscriptions.tell((topic) => this.#statusOf(topic));
    const all = this.#subscriptions.topics.map((topic) => this.#statusOf(topic));
    const good = all.filter(([status]) => status !== 'refused');
    if (!all.length) return;
    if (good.length && this.#ready.failed) this.#ready.begin(); // it is tried again
    if (good.some(([status]) => status !== 'open')) return;
    const [[, cause]] = all;
    const { reason, problem } = cause;
    this.#ready.settle(good.length ? undefined : new Error(`refused: ${problem?.detail ?? reason}`, { cause }));
  }

  /** @param {string} topic @returns {[Status, StatusDetail]} */
  #statusOf(topic) {
    const problem = this.#refused.get(topic);
    if (problem && this.#status !== 'closed') return ['refused', { reason: 'not-granted', problem }];
    const lacks = this.#asked && !this.#asked.includes(topic);
    // With no topic at all it is idle, and is about to see to this one.
    const soon = this.#status === 'open' ? lacks : /waiting|refused/.test(this.#status) && !this.#detail.reason;
    return soon ? ['connecting', {}] : [this.#status, this.#detail];
  }

  /**
   * Remember that all up to an id has come; say whether it had before.
   *
   * @param {string} id
   */
  #pass(id) {
    const had = this.#had.has(id);
    this.#id = id;
    if (id) this.#had.add(id);
    if (this.#had.size > 4096) this.#had.delete(this.#had.keys().next().value ?? '');
    return had;
  }

  /** @param {Block} block */
  #take(block) {
    const had = this.#pass(block.id);
    this.#tabs?.send(block);
    if (block.event === 'signals.gap') this.#subscriptions.gap(block);
    else if (!had && !block.event.startsWith('signals.')) this.#subscriptions.signal(block);
  }
}
