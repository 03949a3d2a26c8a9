// A world for the browser module to live in: its time, its network, its locks and channels are the test's.

import { setImmediate as turn } from 'node:timers/promises';

const { SignalsClient } = await import(process.env.CLIENT_MODULE ?? '../../sse_signals/web/assets/client/client.js');

export const URL_OF_HUB = 'https://hub.test/signals';

/** Let everything happen that needs no time. */
export async function settle() {
  for (let n = 0; n < 8; n++) await turn();
}

/** One request, which the test answers. */
class Call {
  ended = false;
  aborted = false;

  constructor(url, init, answer) {
    this.url = new URL(url);
    this.path = this.url.pathname.replace('/signals', '');
    this.topics = this.url.searchParams.getAll('topic');
    this.init = init;
    this.headers = init.headers;
    this.#answer = answer;
    init.signal?.addEventListener('abort', () => {
      this.aborted = true;
      this.fail(init.signal.reason);
    });
  }

  #answer;
  #body;

  get from() {
    return this.headers['Last-Event-ID'];
  }

  get token() {
    return this.headers.Authorization?.replace('Bearer ', '');
  }

  fail(reason = new TypeError('network')) {
    this.#answer.reject(reason);
    try {
      this.#body?.error(reason);
    } catch {
      // it had ended before
    }
  }

  /** Answer with a status, and a problem of the hub. */
  async refuse(status, problem, headers = {}) {
    const body = typeof problem === 'string' ? problem : JSON.stringify(problem);
    this.#answer.resolve(new Response(body, { status, headers: { 'Content-Type': 'application/problem+json', ...headers } }));
    await settle();
  }

  async say(response) {
    this.#answer.resolve(response);
    await settle();
  }

  /** Begin a stream with its receipt. */
  async open({ id = '', retry = 2000, receipt = {}, type = 'text/event-stream' } = {}) {
    const body = new ReadableStream({ start: (controller) => void (this.#body = controller) });
    await this.say(new Response(body, { headers: { 'Content-Type': type } }));
    const data = { protocol: 1, stream: 's1', subject: null, heartbeat: 15, topics: [], ...receipt };
    await this.send(`retry: ${retry}\nevent: signals.open\n${id && `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`);
    return this;
  }

  async send(text) {
    this.#body.enqueue(typeof text === 'string' ? new TextEncoder().encode(text) : text);
    await settle();
  }

  async event(id, topic, message, name) {
    const data = JSON.stringify({ topic, time: '2026-01-31T12:00:00.000Z', message });
    await this.send(`id: ${id}\n${name ? `event: ${name}\n` : ''}data: ${data}\n\n`);
  }

  async control(name, data = {}, { id, retry } = {}) {
    const head = `${retry === undefined ? '' : `retry: ${retry}\n`}event: signals.${name}\n${id ? `id: ${id}\n` : ''}`;
    await this.send(`${head}data: ${JSON.stringify(data)}\n\n`);
  }

  async end() {
    this.#body.close();
    await settle();
  }
}

/** Web Locks, of one browser. */
class Locks {
  held = new Map();
  queues = new Map();

  request(name, { signal, steal } = {}, callback) {
    return new Promise((resolve, reject) => {
      const wish = { callback, resolve, reject };
      const queue = this.queues.get(name) ?? this.queues.set(name, []).get(name);
      signal?.addEventListener('abort', () => {
        const at = queue.indexOf(wish);
        if (at >= 0) queue.splice(at, 1) && reject(signal.reason);
      });
      if (steal) {
        const holder = this.held.get(name);
        this.held.delete(name);
        holder?.reject(new DOMException('stolen', 'AbortError'));
        queue.unshift(wish);
      } else {
        queue.push(wish);
      }
      queueMicrotask(() => this.#next(name));
    });
  }

  #next(name) {
    const queue = this.queues.get(name);
    if (this.held.has(name) || !queue.length) return;
    const wish = queue.shift();
    this.held.set(name, wish);
    Promise.resolve(wish.callback({ name })).then((value) => {
      if (this.held.get(name) !== wish) return;
      this.held.delete(name);
      wish.resolve(value);
      this.#next(name);
    });
  }
}

export class World {
  now = 1_700_000_000_000;
  random = 0.5;
  calls = [];
  errors = [];
  channels = new Set();
  /** Channels that nobody hears: those of frozen tabs. */
  mute = new Set();
  said = [];
  #timers = new Map();
  #number = 0;
  #before = {};
  #clients = [];

  constructor({ tabs = false } = {}) {
    const world = this;
    this.locks = new Locks();
    this.events = new EventTarget();
    this.page = new EventTarget();
    class Channel {
      constructor(name) {
        this.name = name;
        world.channels.add(this);
      }
      postMessage(data) {
        if (world.mute.has(this)) return;
        const copy = structuredClone(data);
        world.said.push([this.name, copy]);
        for (const other of world.channels) {
          if (other === this || other.name !== this.name) continue;
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
