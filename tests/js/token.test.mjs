// Tokens: asked for when they are needed, shown to the hub and to nobody else, renewed in place.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { listen, PROBLEM, settle, World } from './world.mjs';

let world;
beforeEach(() => void (world = new World()));
afterEach(() => world.end());

function numbered() {
  let count = 0;
  const token = async () => `token-${++count}`;
  return Object.defineProperty(token, 'count', { get: () => count });
}

test('a token is asked for once, for the first connection, and kept', async () => {
  const token = numbered();
  const client = world.client({ token });
  assert.equal(token.count, 0);
  listen(client, 'a');
  await settle();
  assert.equal(world.call(1).token, 'token-1');
  await world.call(1).open();
  await world.call(1).end();
  await world.advance(2000);
  assert.equal(world.call(2).token, 'token-1');
  const none = world.client({ token: () => null });
  listen(none, 'a');
  await settle();
  assert.equal(world.call(3).token, undefined);
});

test('401: another token at once the first time, then with back-off', async () => {
  const token = numbered();
  const { details, statuses } = listen(world.client({ token }), 'a');
  await settle();
  await world.call(1).refuse(401, PROBLEM('expired', 401));
  assert.equal(world.call(2).token, 'token-2');
  await world.call(2).refuse(401, PROBLEM('expired', 401));
  assert.equal(world.calls.length, 2);
  assert.deepEqual([statuses.at(-1), details.at(-1).reason, details.at(-1).retryIn], ['waiting', 'expired', 1.5]);
  await world.advance(1500);
  assert.equal(world.call(3).token, 'token-3');
  await world.call(3).open();
  await world.call(3).control('heartbeat', {}, { id: 'e-1' });
  await world.call(3).control('goodbye', { reason: 'revoked' }, { retry: 4000 });
  assert.equal(world.call(4).token, 'token-4', 'at once again after a stream that has lived');
});

test('goodbye for the sake of the token: another one at once', async () => {
  for (const reason of ['expired', 'revoked', 'not-granted']) {
    const token = numbered();
    const client = world.client({ token });
    listen(client, 'a');
    await settle();
    await world.calls.at(-1).open();
    await world.calls.at(-1).control('goodbye', { reason }, { retry: 4000 });
    assert.equal(world.calls.at(-1).token, 'token-2', reason);
    await world.calls.at(-1).open();
    await world.calls.at(-1).control('goodbye', { reason }, { retry: 4000 });
    assert.equal(token.count, 2, 'but not in a circle');
    client.close();
  }
});

test('a text that the hub refuses is refused for good, until the topics change', async () => {
  const client = world.client({ token: 'old' });
  const { statuses, details } = listen(client, 'a');
  await settle();
  const { ready } = client;
  await world.call(1).refuse(401, PROBLEM('expired', 401));
  assert.deepEqual([client.status, statuses.at(-1), details.at(-1).problem.status], ['refused', 'refused', 401]);
  await assert.rejects(ready, (error) => error.cause.problem.status === 401);
  await world.advance(3_600_000);
  await world.happen(world.page, 'visibilitychange');
  assert.equal(world.calls.length, 1);
  listen(client, 'b');
  await world.advance(20);
  assert.deepEqual(world.call(2).topics, ['a', 'b']);
});

test('a token that cannot be had, or never comes, is asked for again with back-off', async () => {
  let answer = () => Promise.reject(new Error('away'));
  let asked = 0;
  const client = world.client({ token: () => (asked++, answer()) });
  const { details } = listen(client, 'a');
  await settle();
  assert.deepEqual([client.status, details.at(-1).reason, details.at(-1).retryIn], ['waiting', 'token', 1.5]);
  answer = () => new Promise(() => {});
  await world.advance(1500);
  assert.equal(asked, 2);
  await world.advance(30_000);
  assert.deepEqual([client.status, details.at(-1).reason], ['waiting', 'silence']);
  answer = () => 'now';
  await world.advance(3000);
  assert.equal(world.call(1).token, 'now');
});

test('an expiring stream is renewed with a fresh token, and goes on', async () => {
  const token = numbered();
  const client = world.client({ token, credentials: 'include' });
  const { messages } = listen(client, 'a');
  await settle();
  const call = await world.call(1).open({ receipt: { stream: 'xyz' } });
  await call.control('expiring', { expiresAt: '' });
  const renewal = world.call(2);
  assert.deepEqual([renewal.init.method, renewal.path, renewal.token], ['POST', '/streams/xyz/renew', 'token-2']);
  assert.deepEqual([renewal.init.redirect, renewal.init.credentials], ['manual', 'include']);
  await renewal.refuse(503, '');
  await world.advance(499);
  assert.equal(world.calls.length, 2);
  await world.advance(1);
  assert.equal(world.call(3).token, 'token-3');
  await world.call(3).say(new Response('{}'));
  await call.event('e-2', 'a', 1);
  await world.advance(25_000);
  assert.deepEqual([world.calls.length, messages.length, client.status], [3, 1, 'open']);
  await call.control('heartbeat', {}, { id: 'e-3' });
  await call.control('expiring', { expiresAt: '' });
  world.call(4).fail();
  await settle();
  await call.control('goodbye', { reason: 'expired' }, { retry: 4000 });
  assert.equal(world.call(5).token, 'token-5');
  await world.advance(20);
  assert.equal(world.timers, 1, 'that of the silence: nobody waits for another renewal');
  await world.advance(20_000);
  assert.equal(world.calls.length, 5, 'and nothing is renewed that has ended');
});

test('a text is not renewed', async () => {
  listen(world.client({ token: 'text' }), 'a');
  await settle();
  await world.call(1).open();
  await world.call(1).control('expiring', { expiresAt: '' });
  await world.advance(5000);
  assert.equal(world.calls.length, 1);
});
