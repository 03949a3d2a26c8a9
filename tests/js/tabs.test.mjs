// Tabs of one browser share a connection: who leads, what the others get, and that nothing is lost or doubled.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { listen, PROBLEM, prove, settle, tabsOf, World } from './world.mjs';

let world;
beforeEach(() => void (world = new World({ tabs: true })));
afterEach(() => world.end());

test('three tabs share one connection, and all get everything', async () => {
  const [first, second, third] = await tabsOf(world, 3);
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
  assert.deepEqual([...names], ['sse-signals-1|https://hub.test/signals|']);
});

test('when the leader ends, the next one goes on from where it stands', async () => {
  const [first, second, third] = await tabsOf(world, 3);
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
  const [first, second] = await tabsOf(world, 2);
  first.client.close();
  await settle();
  assert.equal(world.call(2).from, 'e-1');
  await world.call(2).open({ id: 'e-1' });
  assert.equal(second.client.status, 'open');
});

test('other topics: the leader asks for all that anybody wants, and each tab sorts its own', async () => {
  const [first, second] = await tabsOf(world, 2);
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

test('a tab that is gone without a word is forgotten after a roll call; one that is there is not', async () => {
  const [, second, third] = await tabsOf(world, 3);
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
  const [first, second] = await tabsOf(world, 2);
  await world.call(1).event('e-2', 'a', 2);
  world.mute.add(first.channel);
  await world.advance(13_499);
  assert.equal(world.calls.length, 1);
  await world.advance(2);
  assert.equal(world.call(2).from, 'e-2');
  assert.equal(world.nth(1).aborted, true);
  assert.equal(first.client.status, 'connecting');
  world.mute.delete(first.channel);
  await world.call(2).open({ id: 'e-2' });
  await prove(world, 'e-2'); // it may be somebody else's by now
  await world.call(2).event('e-3', 'a', 3);
  assert.deepEqual([first.messages, second.messages], [[2, 3], [2, 3]]);
  assert.deepEqual([first.client.status, world.calls.length], ['open', 2]);
  world.mute.add(second.channel);
  await world.advance(15_000);
  await world.call(3).open({ id: 'e-3' });
  world.mute.delete(second.channel);
  await world.call(3).control('heartbeat', {}, { id: 'e-3' });
  await world.advance(10_000);
  await prove(world, 'e-3'); // who has proved itself once, and has led since, does so again
  assert.deepEqual([second.client.status, world.calls.length], ['open', 3]);
});

test('a leader that is merely quiet keeps its place', async () => {
  const [first] = await tabsOf(world, 3, 'a', { receipt: { heartbeat: 600 } });
  await world.call(1).control('heartbeat', {}, { id: 'e-2' });
  await world.advance(600_000);
  assert.equal(world.calls.length, 1);
  assert.equal(first.client.status, 'open');
});

test('the status is that of the leader, with its reasons', async () => {
  const [, second] = await tabsOf(world, 2);
  await world.call(1).control('goodbye', { reason: 'shutdown' }, { retry: 4000 });
  assert.deepEqual([second.client.status, second.details.at(-1)], ['waiting', { reason: 'shutdown', problem: undefined, retryIn: 4 }]);
  await world.advance(4000);
  assert.equal(second.client.status, 'connecting');
  const problem = PROBLEM('not-granted', 403, { errors: [{ value: 'a' }] });
  listen(second.client, 'b');
  await world.call(2).refuse(403, problem);
  assert.deepEqual([second.statuses.at(-1), second.details.at(-1).problem], ['refused', problem]);
});

test('where locks may not be used it goes on alone', async () => {
  world.locks.request = () => Promise.reject(new DOMException('no', 'SecurityError'));
  const { messages } = listen(world.client(), 'a');
  await settle();
  await world.call(1).open();
  await world.call(1).event('e-2', 'a', 1);
  assert.deepEqual([messages, world.channels.size], [[1], 0]);
});

test('who closes it on being told that it connects leaves nothing behind, and closes nobody else', async () => {
  const first = world.client();
  listen(first, 'a', { onStatus: () => first.close() });
  await settle();
  const second = world.client();
  const got = listen(second, 'a');
  await settle();
  await world.call(1).open({ id: 'e-1' });
  assert.deepEqual([first.status, second.status, got.statuses], ['closed', 'open', ['connecting', 'open']]);
});

test('who closes it on coming to lead, or on being told of the leader, leaves nothing behind either', async () => {
  const [first] = await tabsOf(world, 1);
  const closing = (wanted, nth) => {
    const client = world.client();
    listen(client, 'a', { onStatus: (status) => status === wanted && --nth === 0 && client.close() });
    return client;
  };
  const told = closing('open', 1);
  await settle();
  await prove(world, 'e-1');
  const leads = closing('connecting', 2);
  await settle();
  await prove(world, 'e-1');
  assert.deepEqual([told.status, leads.status], ['closed', 'open']);
  first.client.close();
  await world.advance(20);
  assert.deepEqual([leads.status, world.calls.length], ['closed', 1]);
  assert.deepEqual([world.locks.held.size, world.channels.size, world.timers], [0, 0, 0]);
});

test('what is closed in the middle of what was kept for it goes no further', async () => {
  const [, second] = await tabsOf(world, 2);
  world.mute.add(second.channel);
  await world.call(1).event('e-2', 'a', 2);
  world.mute.delete(second.channel);
  await world.call(1).event('e-3', 'a', 3);
  second.client.subscribe('a', (message) => message === 4 && second.client.close());
  const poll = world.call(2);
  for (const n of [4, 5]) await world.nth(1).event(`e-${n}`, 'a', n);
  await poll.open({ id: 'e-1' });
  for (const n of [2, 3]) await poll.event(`e-${n}`, 'a', n);
  await poll.end();
  assert.deepEqual([second.messages, second.client.lastEventId], [[2, 3, 4], 'e-4']);
});

test('what others say on the channel does not concern the tabs', async () => {
  const [first, second] = await tabsOf(world, 2);
  const state = world.said.map(([, message]) => message).findLast(({ t }) => t === 'state');
  const block = { id: 'e-2', event: 'message', data: '{}' };
  const sent = { t: 'block', term: state.term, n: state.n + 1, block };
  const want = { t: 'want', tab: 1, topics: [] };
  const garbage = [null, undefined, 'x', 5, [], {}, { t: 'state' }, { t: 'want' }, { t: 'block' }, { t: 'other' }];
  for (const topics of [[5], ['a', '\0'], 'ab', {}, null, ['*a']]) garbage.push({ ...want, topics });
  for (const name of ['tabs', 'status', 'detail', 'refused', 'at']) garbage.push({ ...state, term: 1, [name]: undefined });
  for (const odd of [{ status: 'closed' }, { refused: [5] }, { asked: 5 }, { asked: [5] }, { at: 7 }]) {
    garbage.push({ ...state, term: 1, ...odd });
  }
  for (const name of ['id', 'event', 'data']) garbage.push({ ...sent, block: { ...block, [name]: 5 } });
  for (const data of garbage) for (const { channel } of [first, second]) channel.onmessage({ data });
  await world.call(1).event('e-2', 'a', 2);
  await world.advance(4000);
  assert.deepEqual([first.messages, second.messages, world.calls.length, world.errors], [[2], [2], 1, []]);
  for (const { statuses } of [first, second]) assert.deepEqual(statuses, ['connecting', 'open']);
});

test('closed, put away or without subscriptions, a tab holds neither lock nor channel nor timer', async () => {
  const [first, second] = await tabsOf(world, 2);
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
