// A hub that says odd things, and pages that do odd things at the worst moment.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { listen, PROBLEM, prove, settle, tabsOf, World } from './world.mjs';

let world;
beforeEach(() => void (world = new World()));
afterEach(() => world.end());

/** Let time pass, open whatever is asked for with the same receipt, and return how often that was. */
async function reconnects(ms, open, then = async () => {}) {
  const before = world.calls.length;
  for (let passed = 0; passed < ms; passed += 5) {
    const call = world.calls.at(-1);
    if (!call.seen) {
      call.seen = true;
      await call.open(open);
      await then(call);
    }
    await world.advance(5);
  }
  return world.calls.length - before;
}

test('whatever a receipt says of heartbeats, nobody reconnects without end', async () => {
  for (const heartbeat of [0, null, -5, 1e-9, 'x', undefined]) {
    const client = world.client();
    listen(client, 'a');
    await settle();
    assert.ok((await reconnects(1000, { id: 'e-1', receipt: { heartbeat } })) <= 5, `${heartbeat}`);
    client.close();
  }
});

test('whatever it says of when to come back, nobody comes back at once and again', async () => {
  for (const end of [(call) => call.end(), (call) => call.control('goodbye', { reason: 'shutdown' }, { retry: 0 })]) {
    const client = world.client();
    listen(client, 'a');
    await settle();
    assert.ok((await reconnects(1000, { id: 'e-1', retry: 0 }, end)) <= 10);
    client.close();
  }
});

test('what a goodbye says of when to come back is kept to, whatever the page does meanwhile', async () => {
  listen(world.client(), 'a');
  await settle();
  await world.call(1).open({ id: 'e-1' });
  await world.call(1).control('goodbye', { reason: 'shutdown' }, { retry: 30_000 });
  for (let n = 0; n < 10; n++) {
    await world.happen(world.page, 'visibilitychange');
    await world.happen(world.events, 'online');
  }
  await world.advance(29_999);
  assert.equal(world.calls.length, 1);
  await world.advance(1);
  assert.equal(world.calls.length, 2);
});

test('nobody waits for an answer that asks for it for longer than five minutes', async () => {
  const { details } = listen(world.client(), 'a');
  await settle();
  await world.call(1).refuse(503, '', { 'Retry-After': '100000000000000' });
  assert.equal(details.at(-1).retryIn, 301.5);
  await world.advance(301_500);
  assert.equal(world.calls.length, 2);
});

test('lastEventId outlives a subscription that ends before anything has come', async () => {
  const client = world.client({ lastEventId: 'e-7' });
  const a = listen(client, 'a');
  await settle();
  a.subscription.unsubscribe();
  await world.advance(2000);
  assert.equal(world.call(1).aborted, true);
  listen(client, 'a');
  await world.advance(20);
  assert.equal(world.call(2).from, 'e-7');
});

/** A client that closes itself as soon as it is told a status. */
function closing(status) {
  const client = world.client();
  client.subscribe('a', () => {}, { onStatus: (told) => told === status && client.close() });
  return client;
}

test('closed by a callback, at whatever status, it leaves nothing behind', async () => {
  const ways = {
    connecting: async () => {},
    open: (call) => call.open({ id: 'e-1' }),
    waiting: (call) => call.refuse(503, '', { 'Retry-After': '3600' }),
    refused: (call) => call.refuse(400, PROBLEM('bad-parameter', 400)),
  };
  for (const [status, way] of Object.entries(ways)) {
    const client = closing(status);
    const count = world.calls.length;
    await settle();
    if (status !== 'connecting') await way(world.call(count + 1));
    await settle();
    assert.deepEqual([client.status, world.timers, world.listeners], ['closed', 0, 0], status);
  }
  world.navigator.onLine = false;
  closing('offline');
  await settle();
  assert.deepEqual([world.timers, world.listeners], [0, 0]);
});

test('a follower that is closed by a callback leaves nothing behind either', async () => {
  world.end();
  world = new World({ tabs: true });
  const [first] = await tabsOf(world, 1);
  const timers = world.timers;
  closing('open');
  await settle();
  await prove(world, 'e-1');
  await world.advance(100);
  assert.deepEqual([world.timers, world.channels.size, world.errors], [timers, 1, []]);
  const heir = world.client();
  let leads = false;
  heir.subscribe('a', () => {}, { onStatus: (status) => leads && status === 'connecting' && heir.close() });
  await settle();
  await prove(world, 'e-1');
  assert.equal(heir.status, 'open');
  leads = true;
  first.client.close();
  await world.advance(5000);
  assert.deepEqual([heir.status, world.timers, world.channels.size, world.locks.held.size], ['closed', 0, 0, 0]);
  assert.equal(world.calls.length, 1, 'nor is anything asked for');
});

test('a hub with a fast heartbeat has its time for an answer all the same', async () => {
  listen(world.client(), 'a');
  await settle();
  await world.call(1).open({ id: 'e-1', receipt: { heartbeat: 0.5 } });
  await world.advance(1000);
  assert.equal(world.call(2).from, 'e-1', 'silence');
  await world.advance(2999);
  assert.equal(world.call(2).aborted, false);
  await world.advance(1);
  assert.equal(world.call(2).aborted, true);
});

test('a refusal that names a topic nobody has asked for is one of all', async () => {
  const client = world.client();
  const { statuses } = listen(client, 'a');
  await settle();
  await world.call(1).refuse(400, PROBLEM('bad-parameter', 400, { errors: [{ field: 'topic', value: 'other' }] }));
  await world.advance(60_000);
  assert.deepEqual([world.calls.length, client.status, statuses], [1, 'refused', ['connecting', 'refused']]);
});

test('a token that is still to come is waited for, whatever happens to the connection', async () => {
  let asked = 0;
  let give;
  const client = world.client({ token: () => (asked++, new Promise((resolve) => (give = resolve))) });
  listen(client, 'a');
  await settle();
  await world.happen(world.events, 'offline');
  await world.happen(world.events, 'online');
  assert.equal(asked, 1);
  give('good');
  await settle();
  assert.equal(world.call(1).token, 'good');
});

test('what has come is remembered, but not for ever', async () => {
  const { messages } = listen(world.client(), 'a');
  await settle();
  await world.call(1).open({ id: 'e-0' });
  const event = (n) => `id: e-${n}\ndata: {"topic":"a","message":${n}}\n\n`;
  await world.call(1).send(Array.from({ length: 4096 }, (_, n) => event(n + 1)).join(''));
  assert.equal(messages.length, 4096);
  await world.call(1).send(event(4096));
  assert.equal(messages.length, 4096);
  await world.call(1).send(event(4097) + event(1));
  assert.deepEqual(messages.slice(4096), [4097, 1]);
});
