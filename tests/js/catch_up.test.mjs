// Tabs that are not in step: what one lacks it gets, what it has had it drops, and all in order.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { listen, PROBLEM, settle, tabsOf, World } from './world.mjs';

let world;
beforeEach(() => void (world = new World({ tabs: true })));
afterEach(() => world.end());

test('a new leader that is behind brings again what others have had: they drop it', async () => {
  const [first, second, third] = await tabsOf(world, 3);
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
  const [first, , third] = await tabsOf(world, 3);
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
  const [first, second] = await tabsOf(world, 2);
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
  first.client.close();
  await settle();
  assert.equal(world.call(3).from, 'e-5', 'and it is ready to lead at once');
});

test('a topic that comes while the leader gets on costs nothing of it', async () => {
  const [, second] = await tabsOf(world, 2);
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

test('a topic that a follower wants for a moment only costs it nothing either', async () => {
  const [, second] = await tabsOf(world, 2);
  world.held = { channel: second.channel, messages: [] };
  await world.call(1).event('e-2', 'a', 2);
  const { subscription } = listen(second.client, 'b');
  await world.release();
  assert.deepEqual(second.messages, [], 'this is left until it knows how things are');
  subscription.unsubscribe();
  await world.advance(20);
  const poll = world.call(2);
  assert.equal(poll.from, 'e-1');
  await poll.open({ id: 'e-1' });
  await poll.event('e-2', 'a', 2);
  await poll.end();
  await world.nth(1).event('e-3', 'a', 3);
  assert.deepEqual(second.messages, [2, 3]);
});

test('a block of somebody who does not lead any more is not taken', async () => {
  const [, second] = await tabsOf(world, 2);
  await world.call(1).event('e-2', 'a', 2);
  const { n } = world.said.at(-1)[1];
  const block = { id: 'e-3', event: 'message', data: '{"topic":"a","message":"old"}' };
  second.channel.onmessage({ data: { t: 'block', term: 7, n: n + 1, block } });
  await settle();
  await world.call(1).event('e-3', 'a', 3);
  assert.deepEqual(second.messages, [2, 3]);
});

test('a tab that cannot catch up for good says so', async () => {
  const [, second] = await tabsOf(world, 2);
  world.mute.add(second.channel);
  await world.call(1).event('e-2', 'a', 2);
  world.mute.delete(second.channel);
  await world.call(1).event('e-3', 'a', 3);
  await world.call(2).refuse(403, PROBLEM('origin-not-allowed', 403));
  assert.deepEqual([second.client.status, second.details.at(-1).reason], ['refused', 'origin-not-allowed']);
});

test('what is kept while a tab catches up has a bound: beyond it, it catches up again', async () => {
  const [, second] = await tabsOf(world, 2);
  world.mute.add(second.channel);
  await world.call(1).event('e-2', 'a', 2);
  world.mute.delete(second.channel);
  await world.call(1).event('e-3', 'a', 3);
  const poll = world.call(2);
  const event = (n) => `id: e-${n}\ndata: {"topic":"a","message":${n}}\n\n`;
  await world.nth(1).send(Array.from({ length: 4200 }, (_, n) => event(n + 4)).join(''));
  await poll.open({ id: 'e-1' });
  await poll.send(event(2) + event(3));
  await poll.control('heartbeat', {}, { id: 'e-3' });
  await poll.end();
  await world.call(3).open({ id: 'e-3' });
  assert.equal(world.call(3).from, 'e-3');
  await world.call(3).send(Array.from({ length: 4200 }, (_, n) => event(n + 4)).join(''));
  await world.call(3).end();
  await world.nth(1).event('e-4204', 'a', 4204);
  assert.deepEqual(second.messages, Array.from({ length: 4203 }, (_, n) => n + 2));
});

test('who has caught up is in step, wherever the others stand by then', async () => {
  const [first, second] = await tabsOf(world, 2);
  listen(first.client, 'b');
  await world.advance(20);
  await world.call(2).open({ id: 'e-1' });
  world.mute.add(second.channel);
  await world.call(2).event('e-2', 'a', 2);
  world.mute.delete(second.channel);
  await world.call(2).event('e-3', 'b', 3);
  const poll = world.call(3);
  await poll.open({ id: 'e-1' });
  await poll.event('e-2', 'a', 2);
  await poll.control('heartbeat', {}, { id: 'e-9' }); // the log has gone on
  await poll.end();
  await world.nth(2).event('e-10', 'a', 10);
  assert.deepEqual([second.messages, world.calls.length], [[2, 10], 3]);
});

test('who wants more while it catches up begins again, and loses nothing', async () => {
  const [, second] = await tabsOf(world, 2);
  world.mute.add(second.channel);
  await world.call(1).event('e-2', 'a', 2);
  world.mute.delete(second.channel);
  await world.call(1).event('e-3', 'a', 3);
  await world.call(2).open({ id: 'e-1' });
  const b = listen(second.client, 'b');
  await world.call(2).event('e-2', 'a', 2);
  await world.call(2).end();
  const again = world.call(3);
  assert.deepEqual([again.from, again.topics, again.url.searchParams.get('poll')], ['e-1', ['a', 'b'], '1']);
  await again.open({ id: 'e-1' });
  for (const n of [2, 3]) await again.event(`e-${n}`, 'a', n);
  await again.end();
  assert.deepEqual([second.messages, b.messages], [[2, 3], []]);
});

test('what is kept meanwhile has a limit, and nothing is lost beyond it', async () => {
  const [, second] = await tabsOf(world, 2);
  world.mute.add(second.channel);
  await world.call(1).event('e-2', 'a', 2);
  world.mute.delete(second.channel);
  await world.call(1).event('e-3', 'a', 3);
  const many = Array.from({ length: 4200 }, (_, n) => n + 4);
  const text = many.map((n) => `id: e-${n}\ndata: {"topic":"a","message":${n}}\n\n`).join('');
  await world.nth(1).send(text);
  const poll = world.call(2);
  await poll.open({ id: 'e-1' });
  for (const n of [2, 3]) await poll.event(`e-${n}`, 'a', n);
  await poll.end();
  const rest = world.call(3);
  assert.equal(rest.from, 'e-3', 'the first of them are not there any more');
  await rest.open({ id: 'e-3' });
  await rest.send(text);
  await rest.end();
  await world.nth(1).event('e-9000', 'a', 9000);
  assert.deepEqual(second.messages, [2, 3, ...many, 9000]);
});
