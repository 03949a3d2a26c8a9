/**
 * Signals of an sse_signals hub, in a browser or in Node.js 20 and later.
 *
 * @import { Callbacks, Options, Problem, SignalEvent, Status, StatusDetail } from '../client.js'
 * @import { Block, Host } from './internal.js'
 */

import { watchPage } from './page.js';
import { Ready } from './ready.js';
import { Stream } from './stream.js';
import { Subscriptions } from './subscriptions.js';
import { Tabs } from './tabs.js';
import { keyOf, subjectOf, Tokens } from './token.js';
import { checkTopic } from './topics.js';

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
    const { origin, pathname } = new URL(url, globalThis.location?.href);
    this.#id = lastEventId;
    this.#host = {
      url: origin + pathname.replace(/\/+$/, ''),
      credentials,
      tokens: new Tokens(token, () => this.#newToken()),
      lastId: () => this.#id,
      topics: () => this.#wanted(this.#everyones()),
      enter: () => {
        const key = this.#key();
        if (key) this.#tabs ??= this.#join(key);
        return this.#tabs?.turn();
      },
      opened: ({ subject }, asked) => {
        const key = this.#tabs?.key;
        if (key && key !== keyOf(this.#host.url, subject ?? '')) return this.#part(key);
        this.#asked = asked;
        this.#tell('open', {});
      },
      take: (block) => this.#take(block),
      tell: (status, detail) => {
        if (!this.#tabs?.following || status === 'refused') this.#tell(status, detail);
      },
      caughtUp: () => this.#tabs?.caughtUp(),
      refused: (topic, problem) => {
        this.#refused.set(topic, problem);
        this.#retell();
      },
      ended: ({ denied }) => denied && this.#tabs?.stepDown(),
      idle: () => {
        this.#leave();
        this.#id = ''; // nobody wants what is published meanwhile
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
    if (typeof onSignal !== 'function') throw new TypeError('onSignal is no function');
    if (this.#status === 'closed') throw new Error('closed');
    const subscription = { ...callbacks, topic: checkTopic(topic), onSignal };
    const change = () => {
      if (this.#ready.settled) this.#ready = new Ready();
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
    this.#ready.settle(new Error('closed'));
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
    this.#page ??= watchPage({
      look: () => this.#stream?.look(),
      offline: () => this.#stream?.offline(),
      halt: () => {
        this.#halt();
        this.#tell('waiting', { reason: 'frozen' });
      },
      back: () => {
        this.#start();
        this.#stream?.look();
      },
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
      has: (id) => (this.#id ? id === this.#id || this.#had.has(id) : (this.#pass(id), true)),
      take: (block) => this.#take(block),
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
    const bad = all.find(([status]) => status === 'refused');
    if (bad) this.#ready.settle(new Error('refused', { cause: bad[1] }));
    else if (all.length && all.every(([status]) => status === 'open')) this.#ready.settle();
  }

  /** @param {string} topic @returns {[Status, StatusDetail]} */
  #statusOf(topic) {
    const problem = this.#refused.get(topic);
    if (problem && this.#status !== 'closed') return ['refused', { reason: 'not-granted', problem }];
    const lacks = this.#status === 'open' && this.#asked && !this.#asked.includes(topic);
    return lacks ? ['connecting', {}] : [this.#status, this.#detail];
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
