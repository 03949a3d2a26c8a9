// A world for the browser module to live in: its time, its network, its locks and channels are the test's.

import { Call, settle } from './call.mjs';
import { Locks } from './locks.mjs';

export { settle };

const { SignalsClient } = await import(process.env.CLIENT_MODULE ?? '../../sse_signals/web/assets/client/client.js');

export const URL_OF_HUB = 'https://hub.test/signals';

export class World {
  now = 1_700_000_000_000;
  random = 0.5;
  calls = [];
  errors = [];
  channels = new Set();
  /** Channels that nobody hears: those of frozen tabs. */
  mute = new Set();
  said = [];
  /** A channel that hears only later. @type {{ channel: any, messages: any[] } | undefined} */
  held;
  /** How many listeners there are. */
  listeners = 0;
  #added = [];
  #timers = new Map();
  #number = 0;
  #before = {};
  #clients = [];

  constructor({ tabs = false } = {}) {
    const world = this;
    this.locks = new Locks();
    this.events = this.#target();
    this.page = this.#target();
    // What a document is told passes its window on the way there, and need not come back.
    this.page.dispatchEvent = (event) => {
      for (const { name, listener, options } of this.#added) {
        if (name === event.type && options?.capture && !options.signal?.aborted) listener(event);
      }
    };
    class Channel {
      constructor(name) {
        this.name = name;
        world.channels.add(this);
      }
      postMessage(data) {
        if (!world.channels.has(this)) throw new DOMException('closed', 'InvalidStateError');
        if (world.mute.has(this)) return;
        const copy = structuredClone(data);
        world.said.push([this.name, copy]);
        for (const other of world.channels) {
          if (other === this || other.name !== this.name) continue;
          if (world.held?.channel === other) {
            world.held.messages.push(copy);
            continue;
          }
          queueMicrotask(() => world.channels.has(other) && !world.mute.has(other) && other.onmessage?.({ data: copy }));
        }
      }
      close() {
        world.channels.delete(this);
      }
    }
    this.navigator = { onLine: true, ...(tabs && { locks: this.locks }) };
    this.#replace({
      setTimeout: (callback, ms = 0) => {
        this.#timers.set(++this.#number, { at: this.now + ms, callback });
        return this.#number;
      },
      clearTimeout: (number) => this.#timers.delete(number),
      fetch: (url, init) =>
        new Promise((resolve, reject) => void this.calls.push(new Call(url, init, { resolve, reject }))),
      BroadcastChannel: Channel,
      navigator: this.navigator,
      document: this.page,
      reportError: (error) => this.errors.push(error),
      addEventListener: (...args) => this.events.addEventListener(...args),
      removeEventListener: (...args) => this.events.removeEventListener(...args),
    });
    this.#before.now = Date.now;
    this.#before.random = Math.random;
    Date.now = () => this.now;
    let drawn = 0;
    Math.random = () => this.random + (tabs ? ++drawn * 1e-9 : 0); // tabs have to draw different names
  }

  #target() {
    const target = new EventTarget();
    const add = target.addEventListener.bind(target);
    target.addEventListener = (name, listener, options) => {
      this.listeners += 1;
      this.#added.push({ name, listener, options });
      options?.signal?.addEventListener('abort', () => (this.listeners -= 1));
      add(name, listener, options);
    };
    return target;
  }

  /** Let a held channel hear what it has missed. */
  async release() {
    const { channel, messages } = this.held;
    this.held = undefined;
    for (const data of messages) channel.onmessage({ data });
    await settle();
  }

  #replace(values) {
    for (const [name, value] of Object.entries(values)) {
      this.#before[name] = Object.getOwnPropertyDescriptor(globalThis, name);
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    }
  }

  /** How many timers run. */
  get timers() {
    return this.#timers.size;
  }

  client(options = {}) {
    const client = new SignalsClient({ url: URL_OF_HUB, ...options });
    this.#clients.push(client);
    return client;
  }

  /** Let milliseconds pass. */
  async advance(ms) {
    const until = this.now + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= until).sort((a, b) => a[1].at - b[1].at)[0];
      if (!due) break;
      this.#timers.delete(due[0]);
      this.now = Math.max(this.now, due[1].at);
      due[1].callback();
      await settle();
    }
    this.now = until;
  }

  /** Let time pass as a machine that sleeps does: no timer runs. */
  sleep(ms) {
    this.now += ms;
  }

  /** Return the newest request; there are ``count`` by now. */
  call(count) {
    if (this.calls.length !== count) throw new Error(`${this.calls.length} requests, not ${count}`);
    return this.calls[count - 1];
  }

  /** Return a request by its number, from 1. */
  nth(number) {
    return this.calls[number - 1];
  }

  async happen(target, name, properties = {}) {
    target.dispatchEvent(Object.assign(new Event(name), properties));
    await settle();
  }

  end() {
    for (const client of this.#clients) client.close();
    Date.now = this.#before.now;
    Math.random = this.#before.random;
    for (const [name, descriptor] of Object.entries(this.#before)) {
      if (typeof descriptor === 'function') continue;
      delete globalThis[name];
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
    }
  }
}

/** Subscribe, and return what comes. */
export function listen(client, topic, callbacks = {}) {
  const got = { messages: [], events: [], gaps: [], statuses: [], details: [] };
  got.subscription = client.subscribe(
    topic,
    (message, event) => {
      got.messages.push(message);
      got.events.push(event);
    },
    {
      onGap: (gap) => got.gaps.push(gap),
      onStatus: (status, detail) => {
        got.statuses.push(status);
        got.details.push(detail);
      },
      ...callbacks,
    },
  );
  return got;
}

/** Return a token that looks like one. */
export function jwt(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part(claims)}.sig`;
}

export const PROBLEM = (kind, status, more = {}) => ({ type: `urn:sse-signals:problem:${kind}`, title: kind, status, ...more });

/** Let a tab that wants to follow prove who it is, by a request that does not count. */
export async function prove(world, id, receipt) {
  const poll = world.calls.pop();
  if (!poll?.url.searchParams.has('poll') || poll.from !== id) throw new Error(`this proves nothing: ${poll?.url}`);
  await poll.open({ id, receipt });
  await poll.control('heartbeat', {}, { id });
  await poll.end();
}

/** Open tabs one after the other, the first of which leads. */
export async function tabsOf(world, count, topic = 'a', options = {}) {
  const all = [];
  for (let n = 0; n < count; n++) {
    const client = world.client(options);
    const known = world.channels.size;
    all.push({ client, ...listen(client, topic) });
    await settle();
    all[n].channel = [...world.channels][known];
    if (n === 0) await world.calls.at(-1).open({ id: 'e-1', receipt: options.receipt });
    else await prove(world, 'e-1', options.receipt);
  }
  return all;
}
