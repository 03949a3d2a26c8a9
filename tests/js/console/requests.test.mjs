// The connections of the console: what it asks, and what it makes of each answer.

import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';
import { Canary, isCanary } from '../../../sse_signals/web/assets/console/canary.js';
import { ask } from '../../../sse_signals/web/assets/console/requests.js';
import { Stream } from '../../../sse_signals/web/assets/console/stream.js';
import { Watch } from '../../../sse_signals/web/assets/console/watch.js';

const HUB = { url: 'http://hub/signals', token: '' };
const WISH = { ...HUB, topics: ['a/*'], since: '10m' };
const OPEN = 'retry: 700\nevent: signals.open\nid: x-1\ndata: {"subject":null,"heartbeat":15}\n\n';

/** What was asked. @type {{ url: string, headers: any, method: string, body: any, credentials: string }[]} */
let asked = [];
/** What is answered, one after the other; the last one again and again. */
let answers = [];

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
  mock.method(Math, 'random', () => 1);
  asked = [];
  globalThis.fetch = async (url, options) => {
    asked.push({ url, method: 'GET', ...options });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    return answer(options.signal);
  };
});

const problem =
  (status, type = 'urn:sse-signals:problem:p') =>
  () =>
    new Response(JSON.stringify({ type, status, title: 'T', detail: 'D.' }), { status });
const json = (value) => () => new Response(JSON.stringify(value));
const away = () => Promise.reject(new TypeError('away'));

/** An event stream that goes on for ever after its text, unless it ends. */
const stream =
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
const settle = async () => {
  for (let n = 0; n < 50; n++) (await null, await new Promise(setImmediate));
};

/** Open a stream, and return what it tells. */
async function opened(wish = WISH) {
  const told = [];
  const taken = [];
  const made = new Stream(
    wish,
    (block, before) => taken.push([block.event, block.id, before]),
    (state) => told.push(state),
  );
  await settle();
  return { made, told, taken, statuses: () => told.map(({ status }) => status) };
}

test('it begins where it was told to, and goes on where it was, by the delays of the hub', async () => {
  answers = [
    stream(
      `${OPEN}id: x-2\ndata: {}\n\nevent: signals.heartbeat\nid: x-5\ndata: {}\n\nevent: signals.new\nid: x-6\ndata: {}\n\n`,
      true,
    ),
    stream(
      'event: signals.gap\nid: x-9\ndata: {}\n\nevent: n\nid: x-10\ndata: {}\n\nretry: 5000\nevent: signals.goodbye\ndata: {"reason":"shutdown"}\n\n',
    ),
  ];
  const { made, told, taken, statuses } = await opened({ ...WISH, token: 'T' });
  assert.equal(asked[0].url, 'http://hub/signals/stream?topic=a/*&since=10m');
  assert.deepEqual(
    [asked[0].headers, asked[0].credentials, asked[0].redirect],
    [{ Authorization: 'Bearer T' }, 'omit', 'manual'],
  );
  assert.deepEqual(statuses(), ['connecting', 'open', 'waiting']);
  assert.deepEqual([told[2].reason, told[2].until], ['ended', Date.now() + 700]);
  mock.timers.tick(699);
  await settle();
  assert.equal(asked.length, 1);
  mock.timers.tick(1);
  await settle();
  assert.equal(asked[1].url, 'http://hub/signals/stream?topic=a/*');
  assert.equal(asked[1].headers['Last-Event-ID'], 'x-6');
  assert.deepEqual(taken, [
    ['message', 'x-2', 'x-1'],
    ['signals.gap', 'x-9', 'x-6'],
    ['n', 'x-10', 'x-9'],
  ]);
  assert.deepEqual(
    [told.at(-1).status, told.at(-1).reason, told.at(-1).until],
    ['waiting', 'shutdown', Date.now() + 5000],
  );
  made.now(); // somebody cannot wait
  await settle();
  assert.equal(asked.length, 3);
  made.stop();
  await settle();
  mock.timers.tick(1e6);
  await settle();
  assert.equal(asked.length, 3);
});

test('what no wait will mend ends it, and everything else is tried again', async () => {
  const lasting = [
    problem(400),
    problem(401),
    problem(403),
    problem(404),
    stream('event: signals.goodbye\ndata: {"reason":"expired"}\n\n'),
    stream(`data: ${'x'.repeat(2 ** 20)}`),
  ];
  for (const answer of lasting) {
    answers = [answer];
    const { made, statuses } = await opened();
    assert.deepEqual(statuses(), ['connecting', 'closed']);
    made.stop();
  }
  const passing = [
    away,
    problem(503),
    problem(429),
    () => new Response('', { status: 502 }),
    () => new Response('<p>'),
    stream('', true),
    stream('event: signals.goodbye\ndata: {"reason":"full"}\n\n'),
  ];
  for (const answer of passing) {
    answers = [answer];
    const { made, statuses } = await opened();
    assert.deepEqual(statuses(), ['connecting', 'waiting']);
    made.stop();
  }
  const { told } = await opened({ ...WISH, token: 'a b' });
  assert.deepEqual(told, [{ status: 'closed', reason: 'bad-token' }]);
});

test('silence for two heartbeats ends a connection, and anything that comes puts that off', async () => {
  answers = [stream(OPEN.replace('15', '2'))];
  const { made, told, statuses } = await opened();
  mock.timers.tick(3999);
  await settle();
  assert.deepEqual(statuses(), ['connecting', 'open']);
  mock.timers.tick(1);
  await settle();
  assert.deepEqual([told.at(-1).status, told.at(-1).reason], ['waiting', 'silence']);
  made.stop();
});

test('a request has an answer or says in a sentence why not', async () => {
  answers = [json({ id: 'x' })];
  assert.deepEqual(await ask({ ...HUB, token: 'T' }, 'publish', '{}'), { id: 'x' });
  assert.deepEqual(
    [asked[0].method, asked[0].body, asked[0].headers],
    ['POST', '{}', { 'Content-Type': 'application/json', Authorization: 'Bearer T' }],
  );
  await ask(HUB, 'streams');
  assert.deepEqual([asked[1].method, asked[1].headers, asked[1].credentials], ['GET', {}, 'same-origin']);
  const timeout = () => Promise.reject(new DOMException('', 'TimeoutError'));
  for (const [answer, status, text] of [
    [problem(403), 403, /^D\.$/],
    [() => new Response('', { status: 502 }), 502, /status 502/],
    [away, 0, /cannot be reached/],
    [() => new Response('<p>'), 0, /other than a hub/],
    [timeout, 0, /six connections/],
  ]) {
    answers = [answer];
    await assert.rejects(ask(HUB, 'x'), (error) => error.status === status && text.test(error.message));
  }
});

test('a canary is timed, for nobody else where one is known, and stops where it is refused', async () => {
  const told = [];
  const times = [];
  let arrive;
  const subject = OPEN.replace('null', '"user:default/ann"');
  answers = [
    (signal) =>
      new Response(
        new ReadableStream({
          start: (controller) => (
            (arrive = (text) => controller.enqueue(new TextEncoder().encode(text))),
            arrive(subject)
          ),
        }),
        { headers: { 'Content-Type': 'text/event-stream' } },
      ),
    json({ id: 'x-2' }),
    problem(429),
    away,
    problem(403),
  ];
  const canary = new Canary(
    HUB,
    (ms) => times.push(ms),
    (text) => told.push(text),
  );
  await settle();
  const { topic, ...rest } = JSON.parse(asked[1].body);
  assert.ok(isCanary(topic) && topic.length > 35 && !isCanary('signals-console/x') && !isCanary(null));
  assert.ok(asked[0].url.includes(topic));
  assert.deepEqual(rest, { targetOwnershipEntityRefs: ['user:default/ann'], message: { n: 1 } });
  arrive('id: x-2\ndata: {"message":{"n":7}}\n\nid: x-2\ndata: {"message":null}\n\n'); // none of those that were sent
  await settle();
  assert.deepEqual([times, told], [[], []]);
  arrive('id: x-2\ndata: {"message":{"n":1}}\n\n');
  await settle();
  assert.equal(times.length, 1);
  for (let n = 0; n < 3; n++) {
    mock.timers.tick(2000);
    await settle();
  }
  assert.deepEqual(
    told.map((text) => text.slice(0, 27)),
    ['', 'Not measured at the moment.', 'Not measured at the moment.', 'Not measured. D.'],
  );
  const { length } = asked;
  mock.timers.tick(9000);
  await settle();
  assert.equal(asked.length, length);
  canary.stop();
});

test('a canary that does not arrive is told of, and one whose stream is refused', async () => {
  const told = [];
  let now = 0;
  mock.method(performance, 'now', () => now);
  answers = [stream(OPEN), json({ id: 'x-2' })];
  const canary = new Canary(
    HUB,
    () => assert.fail(),
    (text) => told.push(text),
  );
  await settle();
  now = 10_000;
  mock.timers.tick(2000);
  await settle();
  assert.deepEqual(told, ['A canary was published, and did not arrive within 10 s.']);
  canary.stop();
  answers = [problem(403)];
  new Canary(
    HUB,
    () => assert.fail(),
    (text) => told.push(text),
  );
  await settle();
  assert.equal(told.at(-1), 'Not measured. D.');
  answers = [problem(403, 'urn:sse-signals:problem:not-granted')];
  new Canary(
    HUB,
    () => assert.fail(),
    (text) => told.push(text),
  );
  await settle();
  assert.equal(told.at(-1), 'Not measured: this needs the grant to publish to signals-console/*.');
});

test('who is connected is asked every two seconds, later after a failure, and not again where it is refused', async () => {
  for (const [answer, wait, words] of [
    [json({ node: 'n' }), 2000, 'n'],
    [problem(503), 10_000, 'D.'],
    [problem(401), Infinity, /needs a token with the admin grant/],
    [problem(403), Infinity, /needs the admin grant/],
    [problem(404), Infinity, /does not list/],
  ]) {
    asked = [];
    answers = [answer];
    const told = [];
    const watch = new Watch(
      HUB,
      ({ node }) => told.push(node),
      (text) => told.push(text),
    );
    await settle();
    assert.match(told[0], new RegExp(words));
    mock.timers.tick(Math.min(wait, 1e6) - 1);
    await settle();
    assert.equal(asked.length, 1);
    mock.timers.tick(1);
    await settle();
    assert.equal(asked.length, wait === Infinity ? 1 : 2);
    watch.stop();
    mock.timers.tick(1e6);
    await settle();
    assert.equal(asked.length, wait === Infinity ? 1 : 2);
  }
});
