// Tabs of one browser share a connection: who leads, what the others get, and that nothing is lost or doubled.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { jwt, listen, PROBLEM, settle, World } from './world.mjs';

let world;
beforeEach(() => void (world = new World({ tabs: true })));
afterEach(() => world.end());

/** Open tabs one after the other, the first of which leads. */
async function tabs(count, topic = 'a', options = {}) {
  const all = [];
  for (let n = 0; n < count; n++) {
    const client = world.client(options);
    const known = world.channels.size;
    all.push({ client, ...listen(client, topic) });
    await settle();
    all[n].channel = [...world.channels][known];
    if (n === 0) await world.calls.at(-1).open({ id: 'e-1', receipt: options.receipt });
  }
  return all;
}

test('three tabs share one connection, and all get everything', async () => {
  const [first, second, third] = await tabs(3);
  await world.call(1).event('e-2', 'a', 1);
  await world.call(1).control('gap', { reason: 'trimmed', from: 'e-2', to: 'e-5' }, { id: 'e-5' });
  await world.call(1).event('e-6', undefined, 2);
  await world.call(1).control('heartbeat', {}, { id: 'e-9' });
  for (const { client, messages, gaps, statuses, events } of [first, second, third]) {
    assert.deepEqual([messages, gaps.length, client.lastEventId, client.status], [[1, 2], 1, 'e-9', 'open']);
    assert.deepEqual([statuses.at(-1), events[1].id], ['open', 'e-6']);
    await client.ready;
  }
  await world.advance(29_000);
  assert.equal(world.calls.length, 1);
  const names = new Set(world.said.map(([name]) => name));
  assert.deepEqual([...names], ['sse-signals|https://hub.test/signals|']);
});

test('when the leader ends, the next one goes on from where it stands', async () => {
  const [first, second, third] = await tabs(3);
  await world.call(1).event('e-2', 'a', 1);
  first.client.close();
  await settle();
  assert.equal(world.nth(1).aborted, true);
  assert.deepEqual([world.call(2).from, world.call(2).topics], ['e-2', ['a']]);
  await world.call(2).open({ id: 'e-2' });
  await world.call(2).event('e-3', 'a', 2);
  assert.deepEqual([first.messages, second.messages, third.messages], [[1], [1, 2], [1, 2]]);
  assert.equal(world.calls.length, 2);
});

test('a follower that has had no block yet resumes from where the leader stood', async () => {
  const [first, second] = await tabs(2);
  first.client.close();
  await settle();
  assert.equal(world.call(2).from, 'e-1');
  await world.call(2).open({ id: 'e-1' });
  assert.equal(second.client.status, 'open');
});

test('a new leader that is behind brings again what others have had: they drop it', async () => {
  const [first, second, third] = await tabs(3);
  await world.call(1).event('e-2', 'a', 2);
  world.mute.add(second.channel);
  await world.call(1).event('e-3', 'a', 3);
  await world.call(1).event('e-4', 'a', 4);
  world.mute.delete(second.channel);
  first.client.close();
  await settle();
  assert.equal(world.call(2).from, 'e-2');
  await world.call(2).open({ id: 'e-2' });
  for (const n of [3, 4, 5]) await world.call(2).event(`e-${n}`, 'a', n);
  assert.deepEqual([second.messages, third.messages], [[2, 3, 4, 5], [2, 3, 4, 5]]);
  assert.equal(world.calls.length, 2);
});

test('a follower that is behind a new leader catches up by itself, and keeps what comes meanwhile', async () => {
  const [first, , third] = await tabs(3);
  await world.call(1).event('e-2', 'a', 2);
  world.mute.add(third.channel);
  await world.call(1).event('e-3', 'a', 3);
  world.mute.delete(third.channel);
  first.client.close();
  await settle();
  assert.equal(world.call(2).from, 'e-3');
  await world.call(2).open({ id: 'e-3' });
  const poll = world.call(3);
  assert.deepEqual([poll.from, poll.topics, poll.url.searchParams.get('poll')], ['e-2', ['a'], '1']);
  await world.nth(2).event('e-4', 'a', 4);
  await world.nth(2).event('e-5', 'a', 5);
  await poll.refuse(503, PROBLEM('starting', 503));
  assert.equal(third.client.status, 'open', 'its own troubles are nobody\'s status');
  await world.advance(3000);
  await world.call(4).open({ id: 'e-2' });
  await world.call(4).event('e-3', 'a', 3);
  await world.call(4).event('e-4', 'a', 4);
  await world.call(4).control('heartbeat', {}, { id: 'e-4' });
  await world.call(4).end();
  assert.deepEqual(third.messages, [2, 3, 4, 5]);
  await world.nth(2).event('e-6', 'a', 6);
  assert.deepEqual([third.messages.at(-1), world.calls.length], [6, 4]);
});

test('a hole in what the leader sends is seen, and filled', async () => {
  const [, second] = await tabs(2);
  await world.call(1).event('e-2', 'a', 2);
  world.mute.add(second.channel);
  await world.call(1).event('e-3', 'a', 3);
  world.mute.delete(second.channel);
  await world.call(1).event('e-4', 'a', 4);
  assert.deepEqual(second.messages, [2]);
  const poll = world.call(2);
  assert.equal(poll.from, 'e-2');
  await poll.open({ id: 'e-2' });
  for (const n of [3, 4]) await poll.event(`e-${n}`, 'a', n);
  await poll.control('heartbeat', {}, { id: 'e-4' });
  await poll.end();
  await world.nth(1).event('e-5', 'a', 5);
  assert.deepEqual(second.messages, [2, 3, 4, 5]);
});

test('other topics: the leader asks for all that anybody wants, and each tab sorts its own', async () => {
  const [first, second] = await tabs(2);
  await world.call(1).event('e-2', 'a', 1);
  const b = listen(second.client, 'b');
  await world.advance(20);
  assert.deepEqual([world.call(2).topics, world.call(2).from], [['a', 'b'], 'e-2']);
  assert.equal(b.statuses.at(-1), 'connecting');
  await world.call(2).open({ id: 'e-2' });
  assert.equal(b.statuses.at(-1), 'open');
  await world.call(2).event('e-3', 'b', 2);
  await world.call(2).event('e-4', 'a', 3);
  assert.deepEqual([first.messages, second.messages, b.messages], [[1, 3], [1, 3], [2]]);
  b.subscription.unsubscribe();
  await world.advance(1000);
  assert.deepEqual([world.call(3).topics, world.calls.length], [['a'], 3]);
});

test('a topic that comes while the leader gets on costs nothing of it', async () => {
  const [, second] = await tabs(2);
  await world.call(1).event('e-2', 'a', 2);
  world.mute.add(second.channel); // its wish is late
  const b = listen(second.client, 'b');
  await settle();
  world.mute.delete(second.channel);
  await world.call(1).event('e-4', 'a', 4);
  b.subscription.unsubscribe();
  const again = listen(second.client, 'b');
  await world.advance(20);
  const stream = world.calls.find(({ topics, aborted }) => topics.includes('b') && !aborted);
  assert.equal(stream.from, 'e-4');
  await stream.open({ id: 'e-4' });
  const poll = world.calls.at(-1);
  assert.deepEqual([poll.from, poll.url.searchParams.get('poll')], ['e-2', '1']);
  await poll.open({ id: 'e-2' });
  await poll.event('e-3', 'b', 3);
  await poll.event('e-4', 'a', 4);
  await poll.control('heartbeat', {}, { id: 'e-4' });
  await poll.end();
  await stream.event('e-5', 'b', 5);
  assert.deepEqual([second.messages, again.messages], [[2, 4], [3, 5]]);
});

test('a tab that is gone without a word is forgotten after a roll call; one that is there is not', async () => {
  const [, second, third] = await tabs(3);
  listen(second.client, 'b');
  listen(third.client, 'c');
  await world.advance(20);
  await world.call(2).open({ id: 'e-1' });
  world.mute.add(second.channel);
  world.locks.request = () => new Promise(() => {});
  await world.advance(10_000);
  for (let n = 0; n < 8; n++) {
    await world.call(2).control('heartbeat', {}, { id: `e-${10 + n}` });
    await world.advance(5000);
  }
  await world.call(2).control('heartbeat', {}, { id: 'e-20' });
  await world.advance(18_000);
  assert.deepEqual(world.call(3).topics, ['a', 'c']);
});

test('a leader that is frozen loses its place, and follows when it comes back', async () => {
  const [first, second] = await tabs(2);
  await world.call(1).event('e-2', 'a', 2);
  world.mute.add(first.channel);
  await world.advance(13_499);
  assert.equal(world.calls.length, 1);
  await world.advance(2);
  assert.equal(world.call(2).from, 'e-2');
  assert.equal(world.nth(1).aborted, true);
  world.mute.delete(first.channel);
  await world.call(2).open({ id: 'e-2' });
  await world.call(2).event('e-3', 'a', 3);
  assert.deepEqual([first.messages, second.messages], [[2, 3], [2, 3]]);
  assert.deepEqual([first.client.status, world.calls.length], ['open', 2]);
});

test('a leader that is merely quiet keeps its place', async () => {
  const [first] = await tabs(3, 'a', { receipt: { heartbeat: 600 } });
  await world.call(1).control('heartbeat', {}, { id: 'e-2' });
  await world.advance(600_000);
  assert.equal(world.calls.length, 1);
  assert.equal(first.client.status, 'open');
});

test('the status is that of the leader, with its reasons', async () => {
  const [, second] = await tabs(2);
  await world.call(1).control('goodbye', { reason: 'shutdown' }, { retry: 4000 });
  assert.deepEqual([second.client.status, second.details.at(-1)], ['waiting', { reason: 'shutdown', problem: undefined, retryIn: 4 }]);
  await world.advance(4000);
  assert.equal(second.client.status, 'connecting');
  const problem = PROBLEM('not-granted', 403, { errors: [{ value: 'a' }] });
  listen(second.client, 'b');
  await world.call(2).refuse(403, problem);
  assert.deepEqual([second.statuses.at(-1), second.details.at(-1).problem], ['refused', problem]);
});

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

test('where locks may not be used it goes on alone', async () => {
  world.locks.request = () => Promise.reject(new DOMException('no', 'SecurityError'));
  const { messages } = listen(world.client(), 'a');
  await settle();
  await world.call(1).open();
  await world.call(1).event('e-2', 'a', 1);
  assert.deepEqual([messages, world.channels.size], [[1], 0]);
});

test('closed, put away or without subscriptions, a tab holds neither lock nor channel nor timer', async () => {
  const [first, second] = await tabs(2);
  await world.happen(world.events, 'pagehide');
  assert.deepEqual([world.locks.held.size, world.channels.size, world.timers], [0, 0, 0]);
  await world.happen(world.events, 'pageshow');
  assert.deepEqual([world.locks.held.size, world.channels.size], [1, 2]);
  await world.calls.at(-1).open({ id: 'e-1' });
  for (const { subscription } of [first, second]) subscription.unsubscribe();
  await world.advance(2000);
  assert.deepEqual([world.locks.held.size, world.channels.size, world.timers], [0, 0, 0]);
  listen(first.client, 'a');
  await settle();
  first.client.close();
  assert.deepEqual([world.channels.size, world.timers], [0, 0]);
  await settle();
  assert.equal(world.locks.held.size, 0);
});
