// When `ready` resolves, and when it rejects.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { listen, PROBLEM, settle, World } from './world.mjs';

let world;
beforeEach(() => void (world = new World()));
afterEach(() => world.end());

const REFUSED = (topic) => PROBLEM('not-granted', 403, { detail: `${topic} is not granted`, errors: [{ value: topic }] });
const soon = (promise) => Promise.race([promise.then(() => 'ready', () => 'failed'), settle().then(() => 'not yet')]);

test('a topic that is refused does not hold up the others', async () => {
  const client = world.client();
  listen(client, 'good');
  listen(client, 'bad');
  const { ready } = client;
  await settle();
  await world.call(1).refuse(403, REFUSED('bad'));
  assert.equal(await soon(ready), 'not yet');
  await world.call(2).open({ id: 'e-1' });
  assert.equal(await soon(ready), 'ready');
  assert.equal(await soon(client.ready), 'ready');
});

test('it rejects when all is refused, with what the hub said; one that has resolved is replaced', async () => {
  const client = world.client();
  listen(client, 'a');
  listen(client, 'b');
  const { ready } = client;
  await settle();
  await world.call(1).refuse(403, REFUSED('a'));
  await world.call(2).refuse(403, REFUSED('b'));
  await assert.rejects(ready, ({ message, cause }) => message === 'refused: a is not granted' && cause.problem.status === 403);
  const other = world.client({ token: 'text' });
  listen(other, 'a');
  await settle();
  await world.call(3).open({ id: 'e-1' });
  assert.equal(await soon(other.ready), 'ready');
  await world.call(3).control('goodbye', { reason: 'revoked' }, { retry: 4000 });
  await world.calls.at(-1).refuse(401, PROBLEM('expired', 401));
  await assert.rejects(other.ready, /^Error: refused: expired$/);
});

test('who comes when all is refused is told that it is tried, and so is who asks for ready', async () => {
  const client = world.client();
  const a = listen(client, 'a');
  await settle();
  await world.call(1).refuse(403, REFUSED('a'));
  assert.equal(await soon(client.ready), 'failed');
  const b = listen(client, 'b');
  await world.advance(20);
  await world.call(2).open({ id: 'e-1' });
  assert.deepEqual([b.statuses, a.statuses.at(-1), client.status], [['connecting', 'open'], 'refused', 'open']);
  assert.equal(await soon(client.ready), 'ready');
});

test('a client that is open again is ready again', async () => {
  const tokens = ['good', 'bad', 'good'];
  const client = world.client({ token: () => tokens.shift() });
  listen(client, 'a');
  await settle();
  await world.call(1).refuse(403, REFUSED('a'));
  assert.equal(await soon(client.ready), 'failed');
  const { ready } = client;
  const b = listen(client, 'b');
  await world.advance(20);
  await world.call(2).open({ id: 'e-1' });
  await world.call(2).control('expiring');
  await world.call(3).say(new Response('{}'));
  b.subscription.unsubscribe();
  assert.equal(await soon(client.ready), 'not yet', 'another token may read what the one before might not');
  await world.advance(1000);
  assert.deepEqual(world.calls.at(-1).topics, ['a']);
  await world.calls.at(-1).open({ id: 'e-1' });
  assert.equal(await soon(client.ready), 'ready');
  assert.equal(await soon(ready), 'failed', 'and who asked then was told then');
});

test('without a topic it waits for one', async () => {
  const client = world.client();
  const { ready } = client;
  await world.advance(60_000);
  assert.equal(await soon(ready), 'not yet');
  client.close();
  await assert.rejects(ready, /^Error: the client is closed$/);
});

test('closed, it rejects, though it had resolved', async () => {
  const client = world.client();
  listen(client, 'a');
  await settle();
  await world.call(1).open({ id: 'e-1' });
  await client.ready;
  client.close();
  await assert.rejects(client.ready, /closed/);
});

test('who stays sees nothing of a reconnect for the sake of another topic, unless it fails', async () => {
  const client = world.client();
  const a = listen(client, 'a');
  await settle();
  await world.call(1).open({ id: 'e-1' });
  const b = listen(client, 'b');
  await world.advance(20);
  assert.deepEqual([b.statuses, client.status], [['connecting'], 'open']);
  await world.call(2).open({ id: 'e-1' });
  b.subscription.unsubscribe();
  await world.advance(1000);
  await world.call(3).open({ id: 'e-1' });
  const c = listen(client, 'c');
  await world.advance(20);
  await world.call(4).refuse(403, REFUSED('c'));
  await world.call(5).open({ id: 'e-1' });
  assert.deepEqual([a.statuses, b.statuses], [['connecting', 'open'], ['connecting', 'open']]);
  assert.deepEqual(c.statuses, ['connecting', 'refused']);
  listen(client, 'd');
  await world.advance(20);
  world.call(6).fail();
  await settle();
  await world.advance(1000);
  assert.deepEqual(a.statuses, ['connecting', 'open', 'waiting', 'connecting']);
});

test('who stays is told when the network goes, even if a topic has just changed', async () => {
  const client = world.client();
  const a = listen(client, 'a');
  await settle();
  await world.call(1).open({ id: 'e-1' });
  listen(client, 'b');
  await world.advance(20);
  assert.equal(world.calls.length, 2);
  await world.happen(world.events, 'offline');
  assert.deepEqual(a.statuses, ['connecting', 'open', 'connecting']);
});

test('what was refused is tried again when the page comes back, and nobody knows then how that ends', async () => {
  const client = world.client({ token: 'text' });
  listen(client, 'a');
  await settle();
  await world.call(1).refuse(401, PROBLEM('expired', 401));
  assert.equal(await soon(client.ready), 'failed');
  await world.happen(world.events, 'pagehide');
  await world.happen(world.events, 'pageshow');
  assert.equal(await soon(client.ready), 'not yet');
  const { ready } = client;
  await world.call(2).open({ id: 'e-1' });
  assert.equal(await soon(ready), 'ready');
});
