// Who shares: only tabs of the same hub and the same subject, and whose token is good.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { jwt, listen, PROBLEM, settle, World } from './world.mjs';

let world;
beforeEach(() => void (world = new World({ tabs: true })));
afterEach(() => world.end());

test('a tab without a good token gives the lead to one that has one', async () => {
  const bad = world.client({ token: 'bad', subject: 'ann' });
  const one = listen(bad, 'a');
  const good = world.client({ token: 'good', subject: 'ann' });
  const two = listen(good, 'a');
  await settle();
  assert.equal(world.call(1).token, 'bad');
  await world.call(1).refuse(401, PROBLEM('expired', 401));
  assert.equal(world.call(2).token, 'good');
  await world.call(2).open({ id: 'e-1', receipt: { subject: 'ann' } });
  await world.call(2).event('e-2', 'a', 1);
  assert.deepEqual([one.messages, two.messages, bad.status], [[1], [1], 'open']);
  await world.advance(29_000);
  good.close();
  await settle();
  await world.calls.at(-1).refuse(401, PROBLEM('expired', 401));
  assert.equal(bad.status, 'refused');
});

test('tabs of other subjects and other hubs have other names, and never see each other', async () => {
  const people = { ann: jwt({ sub: 'user:default/ann' }), Ann: jwt({ sub: 'User:ANN' }), bob: jwt({ sub: 'user:bob' }) };
  for (const token of Object.values(people)) listen(world.client({ token }), 'a');
  listen(world.client({ token: people.ann, url: 'https://hub.test/other' }), 'a');
  listen(world.client({ token: 'opaque' }), 'a');
  listen(world.client({ credentials: 'include' }), 'a');
  listen(world.client({ token: people.ann, share: false }), 'a');
  listen(world.client({ token: people.ann, subject: 'user:bob' }), 'a');
  listen(world.client({ credentials: 'include', subject: 'a|b' }), 'a');
  await settle();
  assert.equal(world.calls.length, 8, 'only the two Anns share');
  assert.deepEqual([...world.locks.held.keys()].sort(), [
    'sse-signals|https://hub.test/other|user%3Adefault%2Fann',
    'sse-signals|https://hub.test/signals|a%7Cb',
    'sse-signals|https://hub.test/signals|user%3Adefault%2Fann',
    'sse-signals|https://hub.test/signals|user%3Adefault%2Fbob',
  ]);
});

test('who is somebody else for the hub than for the page goes on alone, and tells nobody anything', async () => {
  const client = world.client({ token: 'opaque', subject: 'ann' });
  const { messages } = listen(client, 'a');
  await settle();
  await world.call(1).open({ id: 'e-1', receipt: { subject: 'bob' } });
  assert.equal(world.nth(1).aborted, true);
  assert.equal(world.locks.held.size, 0);
  const said = world.said.length;
  await world.call(2).open({ id: 'e-1', receipt: { subject: 'bob' } });
  await world.call(2).event('e-2', 'a', 1);
  assert.deepEqual([messages, world.said.length, world.channels.size], [[1], said, 0]);
});

test('a fresh token of somebody else: the old name is left before anything else', async () => {
  const tokens = [jwt({ sub: 'ann' }), jwt({ sub: 'bob' })];
  const client = world.client({ token: () => tokens.shift() });
  listen(client, 'a');
  await settle();
  const other = listen(world.client({ token: jwt({ sub: 'ann' }) }), 'a');
  await settle();
  await world.call(1).open({ id: 'e-1', receipt: { subject: 'ann' } });
  await world.call(1).control('expiring');
  assert.equal(world.nth(1).aborted, true);
  assert.deepEqual(world.calls.slice(1).map(({ path }) => path), ['/stream', '/stream'], 'nothing is renewed');
  const [anns, bobs] = world.calls.slice(1).sort((a) => (a.token === jwt({ sub: 'ann' }) ? -1 : 1));
  assert.equal(bobs.token, jwt({ sub: 'bob' }));
  await bobs.open({ id: 'e-1', receipt: { subject: 'bob' } });
  await bobs.event('e-2', 'a', 'for bob');
  await anns.open({ id: 'e-1', receipt: { subject: 'ann' } });
  await anns.event('e-2', 'a', 'for ann');
  assert.deepEqual(other.messages, ['for ann']);
});
