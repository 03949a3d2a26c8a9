// The connections of the console: what it asks, and what it makes of each answer.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { ask } from '../../../sse_signals/web/assets/console/requests.js';
import { Stream } from '../../../sse_signals/web/assets/console/stream.js';
import { Watch } from '../../../sse_signals/web/assets/console/watch.js';
import { answering, asked, away, HUB, json, OPEN, problem, settle, stream, WISH } from './hub.mjs';

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
  answering(
    stream(
      `${OPEN}id: x-2\ndata: {}\n\nevent: signals.heartbeat\nid: x-5\ndata: {}\n\nevent: signals.new\nid: x-6\ndata: {}\n\n`,
      true,
    ),
    stream(
      'event: signals.gap\nid: x-9\ndata: {}\n\nevent: n\nid: x-10\ndata: {}\n\nretry: 5000\nevent: signals.goodbye\ndata: {"reason":"shutdown"}\n\n',
    ));
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
    ...['expired', 'revoked', 'not-granted'].map((reason) =>
      stream(`event: signals.goodbye\ndata: {"reason":"${reason}"}\n\n`),
    ),
    stream(`data: ${'x'.repeat(2 ** 20)}`),
  ];
  for (const answer of lasting) {
    answering(answer);
    const { made, statuses } = await opened();
    assert.deepEqual(statuses(), ['connecting', 'closed']);
    made.stop();
  }
  const passing = [
    away,
    problem(503),
    problem(429),
    problem(408),
    () => new Response('', { status: 502 }),
    () => new Response('<p>'),
    stream('', true),
    stream('event: signals.goodbye\ndata: {"reason":"full"}\n\n'),
  ];
  for (const answer of passing) {
    answering(answer);
    const { made, statuses } = await opened();
    assert.deepEqual(statuses(), ['connecting', 'waiting']);
    made.stop();
  }
  const { told } = await opened({ ...WISH, token: 'a b' });
  assert.deepEqual(told, [{ status: 'closed', reason: 'bad-token' }]);
});

test('an hour of failures is forgotten once it is open, and no hub makes the page ask without end', async () => {
  answering(away, away, away, stream(OPEN, true));
  const { made, told } = await opened();
  const waits = () => told.filter(({ until }) => until).map(({ until }) => until);
  for (const wait of [3000, 6000, 12_000]) {
    assert.equal(waits().at(-1), Date.now() + wait);
    mock.timers.tick(wait);
    await settle();
  }
  assert.equal(waits().at(-1), Date.now() + 700); // the hub's, and no longer for all that was
  made.stop();
  for (const text of [OPEN.replace('700', '0'), 'retry: 0\nevent: signals.goodbye\ndata: {"reason":"full"}\n\n']) {
    answering(stream(text, true));
    const { made, told } = await opened();
    assert.equal(told.at(-1).until, Date.now() + 100);
    made.stop();
  }
});

test('what a hub says where text is meant, and is none, ends nothing and is not shown', async () => {
  const odd = '{"toString":5,"valueOf":5}';
  const open = (data) => `event: signals.open\nid: x-1\ndata: ${data}\n\n`;
  answering(stream(`${open(`{"heartbeat":${odd}}`)}event: signals.goodbye\ndata: {"reason":${odd}}\n\n`));
  const { made, told } = await opened();
  assert.deepEqual(
    told.map(({ status, reason }) => [status, reason]),
    [
      ['connecting', undefined],
      ['open', undefined],
      ['waiting', 'ended'],
    ],
  );
  made.stop();
  const hostile = `{"type":"urn:x:p","status":"7","title":${odd},"detail":{},"hint":${odd},"errors":7}`;
  answering(() => new Response(hostile, { status: 403 }));
  const second = await opened();
  assert.deepEqual(second.told.at(-1), {
    status: 'closed',
    reason: 'p',
    problem: { type: 'urn:x:p', status: 403, title: '', detail: '', hint: '', errors: [] },
  });
  await assert.rejects(ask(HUB, 'x'), ({ message }) => /^The answer is none of a hub's/.test(message));
});

test('silence for two heartbeats ends a connection, and anything that comes puts that off', async () => {
  answering(stream(OPEN.replace('15', '2')));
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
  answering(json({ id: 'x' }));
  assert.deepEqual(await ask({ ...HUB, token: 'T' }, 'publish', '{}'), { id: 'x' });
  assert.deepEqual(
    [asked[0].method, asked[0].body, asked[0].headers],
    ['POST', '{}', { 'Content-Type': 'application/json', Authorization: 'Bearer T' }],
  );
  assert.equal(asked[0].redirect, 'manual'); // or the token might go anywhere
  await ask(HUB, 'streams');
  assert.deepEqual([asked[1].method, asked[1].headers, asked[1].credentials], ['GET', {}, 'same-origin']);
  const timeout = () => Promise.reject(new DOMException('', 'TimeoutError'));
  for (const [answer, status, text] of [
    [problem(403), 403, /^D\.$/],
    [() => new Response('', { status: 502 }), 502, /status 502/],
    [away, 0, /cannot be reached/],
    [() => new Response('<p>'), 0, /none of a hub's/],
    [timeout, 0, /six connections/],
  ]) {
    answering(answer);
    await assert.rejects(ask(HUB, 'x'), (error) => error.status === status && text.test(error.message));
  }
});

test('who is connected is asked every two seconds, later after a failure, and not again where it is refused', async () => {
  for (const [answer, wait, words] of [
    [json({ node: 'n', nodes: [] }), 2000, 'n'],
    [json(7), 10_000, "none of a hub's"],
    [away, 10_000, 'cannot be reached'],
    [problem(503), 10_000, 'D.'],
    [problem(401), Infinity, /needs a token with the admin grant/],
    [problem(403), Infinity, /needs the admin grant/],
    [problem(404), Infinity, /does not list/],
  ]) {
    asked.length = 0;
    answering(answer);
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

test('who is connected is asked at once when the browser is online again, and never twice at a time', async () => {
  let answer;
  answering(away, () => new Promise((done) => (answer = () => done(json({ node: 'n', nodes: [] })()))));
  const refusals = [];
  const watch = new Watch(
    HUB,
    () => {},
    (_, refused) => refusals.push(refused),
  );
  await settle();
  watch.again();
  watch.again();
  await settle();
  assert.deepEqual([asked.length, refusals], [2, [false]]);
  answer();
  await settle();
  watch.stop();
  watch.again();
  mock.timers.tick(1e6);
  await settle();
  assert.equal(asked.length, 2);
});
