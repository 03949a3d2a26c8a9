// Who shares: only tabs of the same hub and the same subject, and whose token is good.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { jwt, listen, PROBLEM, prove, settle, World } from './world.mjs';

let world;
beforeEach(() => void (world = new World({ tabs: true })));
afterEach(() => world.end());

const ANN = { receipt: { subject: 'ann' } };
const EXPIRED = PROBLEM('expired', 401);

test('a tab that is refused holds nothing, whether others are there already or come later', async () => {
  const bad = world.client({ token: 'bad', subject: 'ann' });
  const one = listen(bad, 'a');
  await settle();
  await world.call(1).refuse(401, EXPIRED);
  await world.advance(20);
  assert.deepEqual([bad.status, world.locks.held.size, world.channels.size, world.timers], ['refused', 0, 0, 0]);
  const good = world.client({ token: 'good', subject: 'ann' });
  const two = listen(good, 'a');
  await settle();
  assert.equal(world.call(2).token, 'good');
  await world.call(2).open({ id: 'e-1', ...ANN });
  await world.call(2).event('e-2', 'a', 1);
  const last = world.client({ token: 'bad', subject: 'ann' });
  const three = listen(last, 'a');
  await settle();
  await world.call(3).refuse(401, EXPIRED);
  await world.nth(2).event('e-3', 'a', 2);
  await good.ready;
  assert.deepEqual([one, two, three].map(({ messages }) => messages), [[], [1, 2], []]);
  assert.deepEqual([last.status, three.statuses], ['refused', ['connecting', 'refused']]);
  good.close();
  await world.advance(600_000);
  assert.deepEqual([world.calls.length, world.locks.held.size, world.timers], [3, 0, 0]);
});

test('a tab whose tokens are refused again and again lets others lead, and follows when it has a good one', async () => {
  const tokens = ['bad', 'worse', 'good'];
  const one = listen(world.client({ token: () => tokens.shift(), subject: 'ann' }), 'a');
  await settle();
  const two = listen(world.client({ token: 'fine', subject: 'ann' }), 'a');
  await settle();
  await world.call(1).refuse(401, EXPIRED);
  await world.call(2).refuse(401, EXPIRED);
  assert.deepEqual([world.call(3).token, one.statuses.at(-1)], ['fine', 'waiting']);
  await world.call(3).open({ id: 'e-1', ...ANN });
  await world.call(3).event('e-2', 'a', 1);
  await world.advance(3000);
  assert.equal(world.calls.at(-1).token, 'good');
  await prove(world, 'e-2', ANN.receipt);
  await world.call(3).event('e-3', 'a', 2);
  assert.deepEqual([one.messages, one.statuses.at(-1), two.messages], [[2], 'open', [1, 2]]);
});

test('a tab that the hub finds to be somebody else never follows, whoever it says it is', async () => {
  const ann = listen(world.client({ token: 'opaque', subject: 'ann' }), 'a');
  await settle();
  await world.call(1).open({ id: 'e-1', ...ANN });
  const liar = world.client({ token: 'bobs', subject: 'ann' });
  const { messages, statuses } = listen(liar, 'a');
  await settle();
  await world.nth(1).event('e-2', 'a', 'for ann');
  const poll = world.call(2);
  assert.deepEqual([poll.token, poll.url.searchParams.get('poll'), statuses], ['bobs', '1', ['connecting']]);
  await poll.open({ id: 'e-1', receipt: { subject: 'bob' } });
  assert.equal(poll.aborted, true);
  assert.equal(world.call(3).url.searchParams.get('poll'), null);
  await world.call(3).open({ id: 'e-1', receipt: { subject: 'bob' } });
  await world.call(3).event('e-3', 'a', 'for bob');
  await world.nth(1).event('e-4', 'a', 'for ann');
  assert.deepEqual([messages, ann.messages], [['for bob'], ['for ann', 'for ann']]);
  assert.equal(world.channels.size, 1);
});

test('a follower shows its own token anew when that of the stream is about to expire', async () => {
  const tokens = { ann: ['a-1', 'a-2'], maybe: ['b-1', 'b-2', 'b-3'] };
  listen(world.client({ token: () => tokens.ann.shift(), subject: 'ann' }), 'a');
  await settle();
  await world.call(1).open({ id: 'e-1', ...ANN });
  const { messages, statuses } = listen(world.client({ token: () => tokens.maybe.shift(), subject: 'ann' }), 'a');
  await settle();
  await prove(world, 'e-1', ANN.receipt);
  await world.call(1).control('expiring');
  await world.nth(1).event('e-2', 'a', 2);
  assert.deepEqual(messages, [], 'nothing before it has proved itself anew');
  const [renewal, poll] = world.calls.splice(1);
  assert.deepEqual([renewal.token, renewal.path, poll.token], ['a-2', '/streams/s1/renew', 'b-2']);
  await renewal.say(new Response(null, { status: 204 }));
  await poll.open({ id: 'e-1', ...ANN });
  await poll.end();
  assert.deepEqual([messages, statuses], [[2], ['connecting', 'open']]);
  await world.call(1).control('expiring');
  const own = world.calls.at(-1);
  assert.equal(own.token, 'b-3');
  await own.open({ id: 'e-2', receipt: { subject: 'bob' } });
  await world.nth(1).event('e-3', 'a', 3);
  assert.deepEqual([messages, world.channels.size, world.calls.at(-1).url.searchParams.get('poll')], [[2], 1, null]);
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
    'sse-signals-1|https://hub.test/other|user%3Adefault%2Fann',
    'sse-signals-1|https://hub.test/signals|a%7Cb',
    'sse-signals-1|https://hub.test/signals|user%3Adefault%2Fann',
    'sse-signals-1|https://hub.test/signals|user%3Adefault%2Fbob',
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
  await prove(world, 'e-1', ANN.receipt);
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

test('a name is the same however its letters are composed', async () => {
  for (const sub of ['user:default/ren\u00e9', 'User:RENE\u0301']) listen(world.client({ token: jwt({ sub }) }), 'a');
  await settle();
  assert.equal(world.calls.length, 1);
});
