// Requests that a test answers.

import { setImmediate as turn } from 'node:timers/promises';

/** Let everything happen that needs no time. */
export async function settle() {
  for (let n = 0; n < 4; n++) await turn();
}

/** One request, which the test answers. */
export class Call {
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
