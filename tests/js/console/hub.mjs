// A hub that answers what a test wants, and a clock that the test moves.

import { beforeEach, mock } from 'node:test';

export const HUB = { url: 'http://hub/signals', token: '' };
export const WISH = { ...HUB, topics: ['a/*'], since: '10m' };
export const OPEN = 'retry: 700\nevent: signals.open\nid: x-1\ndata: {"subject":null,"heartbeat":15}\n\n';

/** What was asked. @type {{ url: string, headers: any, method: string, body: any, credentials: string }[]} */
export const asked = [];
let answers = [];

/** Say what is answered, one after the other; the last one again and again. */
export const answering = (...all) => (answers = all);

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
  mock.method(Math, 'random', () => 1);
  asked.length = 0;
  globalThis.fetch = async (url, options) => {
    asked.push({ url, method: 'GET', ...options });
    const next = answers.length > 1 ? answers.shift() : answers[0];
    return next(options.signal);
  };
});

export const problem =
  (status, type = 'urn:sse-signals:problem:p') =>
  () =>
    new Response(JSON.stringify({ type, status, title: 'T', detail: 'D.' }), { status });
export const json = (value) => () => new Response(JSON.stringify(value));
export const away = () => Promise.reject(new TypeError('away'));

/** An event stream that goes on for ever after its text, unless it ends. */
export const stream =
  (text, ends = false) =>
  (signal) =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(text));
          if (ends) controller.close();
          signal.addEventListener('abort', () => !ends && controller.error(new DOMException('', 'AbortError')));
        },
      }),
      { headers: { 'Content-Type': 'text/event-stream' } },
    );

/** Let everything happen that needs no time. */
export const settle = async () => {
  for (let n = 0; n < 50; n++) (await null, await new Promise(setImmediate));
};
