// One stream for all subscriptions of a page: what it asks for, how it resumes, and how it takes every end.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { listen, PROBLEM, settle, URL_OF_HUB, World } from './world.mjs';

let world;
beforeEach(() => void (world = new World()));
afterEach(() => world.end());

async function opened(options = {}, topic = 'a', open = {}) {
  const client = world.client(options);
  const got = listen(client, topic);
  await settle();
  await world.call(world.calls.length).open({ id: 'e-1', ...open });
  return { client, got, call: world.calls.at(-1) };
}

test('without a subscription there is no connection; one stream serves them all', async () => {
  const client = world.client();
  await world.advance(60_000);
  assert.equal(world.calls.length, 0);
  const a = listen(client, 'a');
  const b = listen(client, 'b/*');
  const all = listen(client, '*');
  assert.deepEqual(a.statuses, [], 'nobody is called back before subscribe() has returned');
  await settle();
  const call = world.call(1);
  assert.equal(call.url.href.split('?')[0], `${URL_OF_HUB}/stream`);
  assert.deepEqual(call.topics, ['*', 'a', 'b/*']);
  assert.equal(call.from, undefined);
  assert.equal(call.init.redirect, 'manual');
  assert.equal(call.init.cache, 'no-store');
  assert.equal(call.init.credentials, 'omit');
  await call.open({ id: 'e-1' });
  await client.ready;
  await call.event('e-2', 'a', 1);
  await call.event('e-3', 'b/c', 2, 'named');
  await call.event('e-4', undefined, 3);
  await call.event('e-5', 'ab', 4);
  assert.deepEqual([a.messages, b.messages, all.messages], [[1, 3], [2, 3], [1, 2, 3, 4]]);
  const { topic, ...broadcast } = b.events[1];
  assert.equal(topic, undefined);
  assert.deepEqual(broadcast, { id: 'e-4', time: '2026-01-31T12:00:00.000Z', event: 'message', message: 3 });
  assert.equal(b.events[0].event, 'named');
  assert.equal(client.lastEventId, 'e-5');
  await world.advance(25_000);
  assert.equal(world.calls.length, 1);
});

test('the id moves with receipts, events, gaps and heartbeats, and is there when a callback looks', async () => {
  const client = world.client({ lastEventId: 'e-0' });
  const ids = [];
  client.subscribe('a', () => ids.push(client.lastEventId), { onGap: (gap) => ids.push(client.lastEventId, gap) });
  await settle();
  assert.equal(world.call(1).from, 'e-0');
  await world.call(1).open({ id: 'e-1' });
  assert.equal(client.lastEventId, 'e-1');
  await world.call(1).event('e-2', 'a', 1);
  const gap = { reason: 'trimmed', from: 'e-2', to: 'e-9' };
  await world.call(1).control('gap', gap, { id: 'e-9' });
  await world.call(1).control('heartbeat', {}, { id: 'e-12' });
  assert.deepEqual(ids, ['e-2', 'e-9', gap]);
  await world.call(1).end();
  await world.advance(2000);
  assert.equal(world.call(2).from, 'e-12');
});

test('a clean end is followed by the next stream after exactly what retry says; so is a goodbye, after its own', async () => {
  const { client, got, call } = await opened({}, 'a', { retry: 2683 });
  await call.end();
  assert.equal(got.statuses.at(-1), 'waiting');
  assert.deepEqual(got.details.at(-1), { reason: 'ended', problem: undefined, retryIn: 2.683 });
  await world.advance(2682);
  assert.equal(world.calls.length, 1);
  await world.advance(1);
  await world.call(2).open();
  assert.equal(client.lastEventId, 'e-1', 'a receipt without an id leaves it as it is');
  await world.call(2).control('goodbye', { reason: 'max-age' }, { retry: 5100 });
  assert.equal(world.call(2).aborted, true);
  assert.equal(got.details.at(-1).reason, 'max-age');
  await world.advance(5099);
  assert.equal(world.calls.length, 2);
  await world.advance(1);
  world.call(3).fail();
  await settle();
  assert.equal(got.details.at(-1).retryIn, 1, 'the retry of a goodbye is for that one only');
});

test('failures are backed off with full jitter, up to 30 s, and no more after a stream that opened', async () => {
  const { got, call } = await opened({}, 'a', { retry: 2000 });
  call.fail();
  await settle();
  const waits = [];
  for (let n = 1; n < 8; n++) {
    waits.push(got.details.at(-1).retryIn);
    assert.equal(got.details.at(-1).reason, n === 1 ? 'network' : 'http-502');
    const calls = world.calls.length;
    await world.advance(waits.at(-1) * 1000 - 1);
    assert.equal(world.calls.length, calls);
    await world.advance(1);
    await world.call(calls + 1).refuse(502, '<html>');
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 15, 15, 15]);
  world.random = 0.1;
  await world.advance(15_000);
  await world.calls.at(-1).open({ retry: 2000 });
  world.calls.at(-1).fail();
  await settle();
  assert.equal(got.details.at(-1).retryIn, 0.2);
});

test('Retry-After is kept to, in seconds or as a date, whatever else would cut a wait short', async () => {
  const { got, call } = await opened({}, 'a', { retry: 2000 });
  call.fail();
  await world.advance(1000);
  await world.call(2).refuse(503, PROBLEM('starting', 503), { 'Retry-After': '7' });
  assert.equal(got.details.at(-1).reason, 'starting');
  assert.equal(got.details.at(-1).problem.status, 503);
  await world.advance(6999);
  await world.happen(world.page, 'visibilitychange');
  await world.happen(world.events, 'online');
  assert.equal(world.calls.length, 2);
  await world.advance(1);
  await world.happen(world.page, 'visibilitychange');
  await world.call(3).refuse(429, '', { 'Retry-After': new Date(world.now + 9000).toUTCString() });
  assert.ok(got.details.at(-1).retryIn >= 8);
});

test('what is no event stream is a failure, and so is one that says nothing before it ends', async () => {
  const client = world.client();
  const { details } = listen(client, 'a');
  await settle();
  await world.call(1).say(new Response('<html>', { headers: { 'Content-Type': 'text/html' } }));
  assert.equal(details.at(-1).reason, 'not-a-stream');
  await world.advance(details.at(-1).retryIn * 1000);
  world.random = 0.25;
  await world.call(2).say(new Response('', { headers: { 'Content-Type': 'text/event-stream' } }));
  assert.equal(details.at(-1).reason, 'ended');
  assert.equal(details.at(-1).retryIn, 1.5, 'backed off for the second time');
});

test('a redirect is a failure: nothing is sent to where it leads', async () => {
  const client = world.client({ token: 'secret' });
  const { details } = listen(client, 'a');
  await settle();
  await world.call(1).say({ type: 'opaqueredirect', status: 0, headers: new Headers() });
  assert.equal(details.at(-1).reason, 'redirected');
  await world.advance(60_000);
  await world.calls.at(-1).say(new Response(null, { status: 307, headers: { Location: 'https://evil.test' } }));
  assert.equal(details.at(-1).reason, 'redirected');
  assert.ok(world.calls.every(({ url, init }) => url.host === 'hub.test' && init.redirect === 'manual'));
});

test('silence of more than two heartbeats ends a stream, and the next follows at once', async () => {
  const { call } = await opened({}, 'a', { receipt: { heartbeat: 4 } });
  await world.advance(7999);
  await call.send(': hb\n');
  await world.advance(7999);
  assert.equal(call.aborted, false);
  await world.advance(1);
  assert.equal(call.aborted, true);
  assert.equal(world.call(2).from, 'e-1');
  await world.advance(7999);
  assert.equal(world.call(2).aborted, false, 'before its receipt it has as long');
  await world.advance(1);
  assert.equal(world.call(2).aborted, true);
  assert.equal(world.calls.length, 2, 'but who says nothing at all is backed off');
});

test('a machine that wakes up looks at once; one that has slept for a moment goes on', async () => {
  const { call } = await opened();
  world.sleep(29_000);
  await world.happen(world.page, 'visibilitychange');
  assert.equal(call.aborted, false);
  world.sleep(1001);
  await world.happen(world.events, 'pageshow');
  assert.equal(call.aborted, true);
  await world.call(2).open();
  world.call(2).fail();
  await settle();
  await world.happen(world.events, 'online');
  assert.equal(world.calls.length, 3, 'a wait is cut short');
});

test('offline: the stream is given up, no attempt is made until online, but for one every 30 s', async () => {
  const { got, call, client } = await opened();
  world.navigator.onLine = false;
  await world.happen(world.events, 'offline');
  assert.equal(call.aborted, true);
  assert.equal(client.status, 'offline');
  await world.advance(29_999);
  assert.equal(world.calls.length, 1);
  await world.advance(1);
  await world.call(2).open();
  assert.equal(client.status, 'open', 'it was wrong about that');
  await world.happen(world.events, 'offline');
  world.navigator.onLine = true;
  await world.happen(world.events, 'online');
  assert.equal(world.calls.length, 3);
  world.call(3).fail();
  await settle();
  world.navigator.onLine = false;
  await world.happen(world.events, 'offline');
  assert.equal(got.statuses.at(-1), 'offline', 'while it waits too');
});

test('an event of more than a mebibyte is not held: the connection is dropped, and resumed', async () => {
  const { got, call } = await opened();
  await call.send('id: e-2\ndata: ' + 'x'.repeat(2 ** 20));
  assert.equal(call.aborted, true);
  assert.equal(got.details.at(-1).reason, 'too-large');
  await world.advance(3000);
  assert.equal(world.call(2).from, 'e-1');
});

test('what is put away gives its stream up, and comes back with the last id', async () => {
  for (const [away, back, target] of [['pagehide', 'pageshow', world.events], ['freeze', 'resume', world.page]]) {
    const { call, got } = await opened();
    const count = world.calls.length;
    await world.happen(target, away);
    assert.equal(call.aborted, true);
    assert.equal(got.statuses.at(-1), 'waiting');
    await world.happen(world.page, 'visibilitychange'); // which comes after it
    await world.advance(100_000);
    assert.equal(world.calls.length, count);
    await world.happen(target, back);
    assert.equal(world.call(count + 1).from, 'e-1');
    got.subscription.unsubscribe();
    await world.advance(2000);
  }
});

test('every end, again and again, leaves no timer and no listener behind', async () => {
  const { client } = await opened();
  for (let n = 0; n < 60; n++) {
    const call = world.calls.at(-1);
    if (n % 4 === 0) await call.end();
    else if (n % 4 === 1) call.fail();
    else if (n % 4 === 2) await call.control('goodbye', { reason: 'shutdown' }, { retry: 1000 });
    else await world.advance(30_000);
    while (world.calls.at(-1) === call) await world.advance(500);
    await world.calls.at(-1).open({ id: `e-${n}` });
    await world.advance(1100);
    assert.equal(world.timers, 1, 'that of the silence');
  }
  assert.equal(world.listeners, 7);
  client.close();
  await settle();
  assert.deepEqual([world.timers, world.listeners], [0, 0]);
  const before = world.calls.length;
  for (const name of ['online', 'pageshow', 'pagehide', 'offline']) await world.happen(world.events, name);
  assert.equal(world.calls.length, before);
});
