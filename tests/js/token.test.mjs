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

test('what no header can hold is no token: another is asked for, and the page hears of it', async () => {
  const bad = ['<html>\n<h1>502 Bad Gateway</h1>\n</html>\n', 'r\u00e9seau', 'Bad Gateway', { token: 'x' }, 'a\u0000b'];
  const given = [...bad, ' good\n'];
  const client = world.client({ token: async () => given.shift() });
  const { details } = listen(client, 'a');
  await settle();
  for (const n of bad.keys()) {
    assert.equal(world.calls.length, 0);
    assert.deepEqual([client.status, details.at(-1).reason], ['waiting', 'token']);
    assert.match(`${world.errors[n]}`, /^TypeError: token/);
    await world.advance(details.at(-1).retryIn * 1000);
  }
  assert.equal(world.call(1).token, 'good', 'line ends around it are none of it');
  const fixed = world.client({ token: 'a b' });
  listen(fixed, 'a');
  await settle();
  assert.equal(fixed.status, 'waiting');
  assert.equal(world.calls.length, 1);
});

test('a token function that fails is reported, and asked again, even if it throws at once', async () => {
  const fail = (error) => {
    throw error;
  };
  for (const token of [async () => fail(new Error('later')), () => fail(new Error('at once'))]) {
    let asked = 0;
    const client = world.client({ token: () => (asked++ ? 'good' : token()) });
    const { details } = listen(client, 'a');
    const count = world.calls.length;
    await settle();
    assert.match(`${world.errors.at(-1)}`, /later|at once/);
    assert.equal(details.at(-1).reason, 'token');
    await world.advance(1500);
    assert.equal(world.call(count + 1).token, 'good');
    client.close();
  }
  assert.equal(world.errors.length, 2);
});

test('nothing, in whatever form, is no token', async () => {
  for (const nothing of [undefined, null, '', false]) {
    const client = world.client({ token: () => nothing });
    listen(client, 'a');
    await settle();
    assert.equal(world.calls.at(-1).headers.Authorization, undefined);
  }
  assert.deepEqual([world.calls.length, world.errors], [4, []]);
});

test('the answer to an older question never takes the place of a newer one', async () => {
  const answers = [];
  const client = world.client({ token: () => new Promise((resolve) => answers.push(resolve)) });
  listen(client, 'a');
  await settle();
  answers[0]('first');
  await settle();
  const call = await world.call(1).open({ id: 'e-1' });
  await call.control('expiring');
  await call.control('goodbye', { reason: 'expired' }, { retry: 4000 });
  assert.equal(answers.length, 3);
  answers[2]('newest');
  await settle();
  assert.equal(world.call(2).token, 'newest');
  answers[1]('older');
  await settle();
  await world.call(2).fail();
  await world.advance(3000);
  assert.equal(world.call(3).token, 'newest');
  assert.equal(world.calls.filter(({ token }) => token === 'older').length, 0);
});

test('a stream that expires is renewed once, however often it is told', async () => {
  const token = numbered();
  listen(world.client({ token }), 'a');
  await settle();
  const call = await world.call(1).open({ id: 'e-1' });
  for (let n = 0; n < 5; n++) await call.control('expiring');
  assert.deepEqual([world.calls.length, token.count], [2, 2]);
  await world.call(2).say(new Response('{}'));
  await call.control('expiring');
  assert.deepEqual([world.calls.length, token.count], [3, 3]);
  await call.end();
  await world.advance(2000);
  await world.call(4).open({ id: 'e-1' });
  await world.call(4).control('expiring');
  assert.equal(world.calls.length, 5, 'and the next one has its own');
});

test('the answer to a renewal is read, or it would hold its connection', async () => {
  listen(world.client({ token: numbered() }), 'a');
  await settle();
  await world.call(1).open({ id: 'e-1' });
  await world.call(1).control('expiring');
  const answer = new Response('{}');
  await world.call(2).say(answer);
  assert.equal(answer.bodyUsed, true);
});
