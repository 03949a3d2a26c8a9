// The public face: callbacks, readiness, the end.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { listen, settle, World } from './world.mjs';

let world;
beforeEach(() => void (world = new World()));
afterEach(() => world.end());

test('a callback that throws does not stop the others, and is reported', async () => {
  const client = world.client();
  const bad = () => {
    throw new Error('mine');
  };
  client.subscribe('a', bad, { onStatus: bad, onGap: bad });
  const good = listen(client, 'a');
  await settle();
  await world.call(1).open({ id: 'e-1' });
  await world.call(1).event('e-2', 'a', 1);
  await world.call(1).control('gap', { reason: 'epoch', from: null, to: 'f-1' }, { id: 'f-1' });
  assert.deepEqual([good.messages, good.gaps.length, good.statuses.at(-1)], [[1], 1, 'open']);
  assert.ok(world.errors.length >= 4 && world.errors.every((error) => error.message === 'mine'));
});

test('a callback may subscribe, unsubscribe and close; whom it ends gets nothing more', async () => {
  const client = world.client();
  const late = [];
  let other;
  client.subscribe('a', (message) => {
    if (message === 1) other.subscription.unsubscribe();
    if (message === 2) client.subscribe('a', (m) => late.push(m));
    if (message === 3) client.close();
  });
  other = listen(client, 'a');
  const third = listen(client, 'a');
  await settle();
  await world.call(1).open({ id: 'e-1' });
  const text = [1, 2, 3, 4].map((n) => `id: e-${n + 1}\ndata: {"topic":"a","message":${n}}\n\n`).join('');
  await world.call(1).send(text);
  assert.deepEqual([other.messages, third.messages, late], [[], [1, 2], []]);
  assert.equal(client.lastEventId, 'e-4');
});

test('close() is for good: everything is let go, and everybody is told', async () => {
  const client = world.client();
  const a = listen(client, 'a');
  const { ready } = client;
  await settle();
  client.close();
  client.close();
  await settle();
  assert.equal(world.call(1).aborted, true);
  await assert.rejects(ready, /closed/);
  assert.deepEqual([client.status, a.statuses, world.timers], ['closed', ['connecting', 'closed'], 0]);
  assert.throws(() => client.subscribe('a', () => {}), /closed/);
  a.subscription.unsubscribe();
  await world.advance(100_000);
  assert.equal(world.calls.length, 1);
  assert.equal(client.status, 'closed');
});

test('ready: of the topics of this moment, once; another one after a change; nobody has to wait for it', async () => {
  const client = world.client();
  const before = client.ready;
  const a = listen(client, 'a');
  assert.equal(client.ready, before, 'who waits already is not forgotten');
  let ready = false;
  before.then(() => (ready = true));
  await settle();
  assert.equal(ready, false);
  await world.call(1).open();
  assert.equal(ready, true);
  listen(client, 'a');
  await client.ready;
  listen(client, 'b');
  const next = client.ready;
  assert.notEqual(next, before);
  await settle();
  assert.equal(await Promise.race([next.then(() => 'ready'), settle().then(() => 'not yet')]), 'not yet');
  await world.advance(20);
  await world.call(2).open();
  await next;
  a.subscription.unsubscribe();
  await client.ready;
});

test('without a page, without locks, without a network to ask about: it works', async () => {
  delete globalThis.document;
  delete globalThis.navigator;
  delete globalThis.addEventListener;
  const { messages } = listen(world.client(), 'a');
  await settle();
  await world.call(1).open();
  await world.call(1).event('e-2', 'a', 1);
  assert.deepEqual(messages, [1]);
});

test('the URL is the hub with its prefix, however it ends; options are taken as they were', async () => {
  const options = { url: 'https://hub.test/pre/fix//?x=1#y' };
  const client = world.client(options);
  options.url = 'https://other.test';
  listen(client, 'a');
  await settle();
  assert.equal(world.call(1).url.href, 'https://hub.test/pre/fix/stream?topic=a');
});
