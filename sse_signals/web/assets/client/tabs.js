/**
 * The tabs of one browser that share a connection: who holds the lock leads and has the stream; it tells the others what
 * comes, and they tell it what they want.
 *
 * @import { Block, Sent, Tab, Told, Want } from './internal.js'
 */

import { checkTopic } from './topics.js';

/** Milliseconds that a tab has to answer. */
const PATIENCE = 3e3;

/**
 * Say whether a message is what a tab says: whatever else the pages of this origin run may use the channel too.
 *
 * @param {any} message
 */
function sound(message) {
  const isText = (/** @type {unknown} */ value) => typeof value === 'string';
  try {
    const { t, topics, tabs, status, detail, asked, refused, at, block } = message;
    if (t === 'want') return topics.every(checkTopic);
    if (t === 'block') return [block.id, block.event, block.data].every(isText);
    const texts = [at, status, ...(asked ?? [])].every(isText);
    return texts && status !== 'closed' && detail && tabs.includes && new Map([...refused]);
  } catch {
    // it is something else
  }
}

export class Tabs {
  #tab;
  #channel;
  #name = `${Math.random()}`;
  /** What the other tabs want. @type {Map<string, string[]>} */
  #others = new Map();
  /** The present leader's, whoever it is; 0 while nobody knows. */
  #term = 0;
  #n = 0;
  /** Whether it has had all that the leader has sent. */
  #inStep = false;
  /** Whether the hub has told this tab itself that it is one of those who share. */
  #proved = false;
  /** What is kept while it catches up. @type {(Told | Sent)[] | undefined} */
  #kept;
  #asked = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  /** @type {AbortController | undefined} */ #request;
  /** Gives the lock back. @type {((value?: unknown) => void) | undefined} */
  #release;
  /** @type {((catchUp: boolean) => void) | undefined} */ #goOn;
  /** The other tabs that have said something since the last roll call. @type {Set<string>} */
  #present = new Set();

  /** @param {string} key @param {Tab} tab */
  constructor(key, tab) {
    this.key = key;
    this.#tab = tab;
    this.#channel = new BroadcastChannel(key);
    this.#channel.onmessage = ({ data }) => sound(data) && this.#hear(data);
  }

  get following() {
    return !this.#release && this.#term > 0;
  }

  /** What the other tabs want, if this one leads. */
  get wanted() {
    return this.#release ? [...this.#others.values()].flat() : [];
  }

  /** Return when it leads, or, which is true, when it has to catch up. @returns {Promise<boolean>} */
  turn() {
    if (!this.#request) {
      this.#queue(false);
      this.#ask();
    }
    return new Promise((resolve) => {
      this.#goOn = resolve;
      if (this.#release || this.#kept) resolve(!this.#release);
    });
  }

  /** Tell the leader what this tab wants. @param {boolean} [ask] whether it shall then say how things are */
  want(ask = !this.#inStep) {
    this.#say({ t: 'want', tab: this.#name, topics: this.#tab.topics(), ask });
  }

  /** Tell the others how things are. */
  state() {
    const tabs = [...this.#present];
    if (this.#release) this.#say({ t: 'state', term: this.#term, n: this.#n, tabs, ...this.#tab.state() });
  }

  /** Give the others what has come. @param {Block} block */
  send(block) {
    if (this.#release) this.#say({ t: 'block', term: this.#term, n: ++this.#n, block });
  }

  leave() {
    this.#say({ t: 'want', tab: this.#name, topics: [] });
    this.#channel.close();
    this.#giveUp();
  }

  /** @param {Want | Told | Sent} message */
  #say(message) {
    this.#channel.postMessage(message);
  }

  #giveUp() {
    clearTimeout(this.#timer);
    this.#request?.abort();
    this.#release?.();
    this.#request = this.#release = this.#kept = undefined;
    this.#proved = false;
    this.#term = 0;
  }

  /** @param {boolean} steal from a tab that is frozen */
  #queue(steal) {
    this.#request?.abort();
    const request = (this.#request = new AbortController());
    const options = steal ? { steal } : { signal: request.signal };
    const granted = () =>
      this.#request === request &&
      new Promise((resolve) => {
        this.#release = resolve;
        this.#term = Math.random();
        this.#n = 0;
        this.#tab.leads();
        this.#roll();
        this.#goOn?.(false);
      });
    navigator.locks.request(this.key, options, granted).catch(() => {
      if (this.#request !== request) return; // withdrawn
      const broken = !this.#release; // or stolen
      this.#giveUp();
      this.#tab.lost(broken);
    });
  }

  /** Find out which tabs are still there: who is not named answers. */
  #roll() {
    this.#present.clear();
    this.state();
    this.#wait(PATIENCE, () => {
      for (const tab of this.#others.keys()) if (!this.#present.has(tab)) this.#others.delete(tab);
      this.#tab.changed();
      this.#wait(60e3, () => this.#roll());
    });
  }

  /** Ask the leader how things are; if there is no answer, it is frozen. */
  #ask() {
    this.#asked = true;
    this.want(true);
    this.#wait(PATIENCE + Math.random() * 1e3, () => this.#queue(true));
  }

  /** @param {number} ms @param {() => void} then */
  #wait(ms, then) {
    clearTimeout(this.#timer);
    if (this.#request) this.#timer = setTimeout(then, ms); // or it has left meanwhile
  }

  /** @param {Want | Told | Sent} message */
  #hear(message) {
    if (message.t === 'want') {
      const { tab, topics, ask } = message;
      this.#present.add(tab);
      if (topics.length) this.#others.set(tab, topics);
      else this.#others.delete(tab);
      if (this.#release) this.#tab.changed();
      if (ask) this.state();
    } else if (!this.#release) {
      this.#wait(10e3, () => this.#ask()); // without a word from the leader
      if (!this.#kept) this.#follow(message);
      else if (this.#kept.push(message) > 4096) this.#kept = []; // the hole will be seen
    }
  }

  /** @param {Told | Sent} message */
  #follow(message) {
    const { t, term, n } = message;
    if (t === 'block') {
      const next = term === this.#term && n === this.#n + 1;
      this.#inStep &&= next && this.#tab.covered();
      if (this.#inStep) this.#tab.take(message.block);
      else if (!this.#asked && !next) this.#ask();
      if (term === this.#term) this.#n = n;
      if (message.block.event !== 'signals.expiring') return;
      this.#kept = []; // until it has proved itself anew: somebody else may have signed in
      return this.#tab.expiring();
    }
    this.#asked = false;
    if (term !== this.#term || n !== this.#n) this.#inStep = false;
    this.#term = term;
    this.#n = n;
    if (this.#proved) this.#tab.follow(message);
    if (!message.tabs.includes(this.#name)) this.want();
    if (this.#inStep || !(this.#proved ? this.#tab.covered() : message.status === 'open')) return;
    this.#inStep = this.#tab.has(message.at) && this.#proved;
    if (this.#inStep) return;
    this.#kept = [message]; // and what comes from now on
    this.#goOn?.(true);
  }

  /** It has got, as one of those who share, what it had missed; now comes what the leader has sent meanwhile. */
  caughtUp() {
    const kept = this.#kept ?? [];
    this.#kept = undefined;
    this.#inStep = this.#proved = true;
    for (const message of kept) if (this.#request) this.#hear(message);
  }
}
