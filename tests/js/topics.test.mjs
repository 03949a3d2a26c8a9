// Topics: what they may be, how they come and go without a loss, and what is refused.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { listen, PROBLEM, settle, World } from './world.mjs';

let world;
beforeEach(() => void (world = new World()));
afterEach(() => world.end());

test('what is no topic is a TypeError that names it, and nothing is asked for', async () => {
  const client = world.client();
  const bad = ['', '*a', 'a*b', '**', 'a\n', 'a\u200b', '\ud800', '\u3164', 'x'.repeat(256), '\u00e9'.repeat(128), 7, undefined, null];
  for (const topic of bad) assert.throws(() => client.subscribe(topic, () => {}), TypeError, String(topic));
  assert.throws(() => client.subscribe('ab*c', () => {}), /"ab\*c"/);
  assert.throws(() => client.subscribe('a'), TypeError);
  await world.advance(1000);
  assert.equal(world.calls.length, 0);
  const good = ['a', '*', 'a*', 'x'.repeat(255), 'x'.repeat(255) + '*', '\u00e9'.repeat(127), 'a b', 'catalog:*'];
  for (const topic of good) client.subscribe(topic, () => {});
  assert.throws(() => world.client({ url: 'http://' }), TypeError);
});

test('topics are compared in normal form C, as the hub compares them', async () => {
  const { messages } = listen(world.client(), 'cafe\u0301');
  await settle();
  assert.deepEqual(world.call(1).topics, ['caf\u00e9']);
  await world.call(1).open();
  await world.call(1).event('e-2', 'caf\u00e9', 1);
  assert.deepEqual(messages, [1]);
});

test('topics that are added within 20 ms cost one reconnect, which resumes from before them', async () => {
  const client = world.client();
  const a = listen(client, 'a');
  await settle();
  const first = await world.call(1).open({ id: 'e-1' });
  await first.event('e-2', 'a', 2);
  const b = listen(client, 'b');
  const all = listen(client, 'a*');
  await first.event('e-4', 'a', 4);
  await world.advance(10);
  listen(client, 'c');
  await world.advance(10);
  assert.equal(first.aborted, true);
  const second = world.call(2);
  assert.deepEqual([second.topics, second.from], [['a', 'a*', 'b', 'c'], 'e-2']);
  await second.open({ id: 'e-2' });
  await second.event('e-3', 'b', 3);
  await second.event('e-4', 'a', 4);
  assert.deepEqual([a.messages, b.messages, all.messages], [[2, 4], [3], [4]], 'nothing lost, doubled or out of order');
  assert.deepEqual(b.statuses, ['connecting', 'open']);
  await world.advance(25_000);
  assert.equal(world.calls.length, 2);
});

test('changes without end do not put the reconnect off', async () => {
  const client = world.client();
  listen(client, 'a');
  await settle();
  await world.call(1).open();
  for (let n = 0; n < 4; n++) {
    listen(client, `b${n}`);
    await world.advance(6);
  }
  assert.equal(world.calls.length, 2);
});

test('a topic that comes and goes before the reconnect costs nobody what was left to it', async () => {
  const client = world.client();
  const a = listen(client, 'a');
  await settle();
  const first = await world.call(1).open({ id: 'e-1' });
  const { subscription } = listen(client, 'b');
  await first.event('e-2', 'a', 2);
  subscription.unsubscribe();
  await first.event('e-3', 'a', 3);
  await world.advance(20);
  const second = world.call(2);
  assert.equal(second.from, 'e-1');
  await second.open({ id: 'e-1' });
  await second.event('e-2', 'a', 2);
  await second.event('e-3', 'a', 3);
  assert.deepEqual(a.messages, [2, 3]);
});

test('what is subscribed to while a request is under way is asked for next', async () => {
  const client = world.client();
  listen(client, 'a');
  await world.advance(30);
  const b = listen(client, 'b');
  await world.advance(30);
  await world.call(1).open({ id: 'e-1' });
  await world.advance(20);
  await world.call(2).open({ id: 'e-1' });
  assert.deepEqual([world.call(2).topics, b.statuses.at(-1)], [['a', 'b'], 'open']);
});

test('a change of pages costs one reconnect; a topic that nobody wants is dropped after a second', async () => {
  const client = world.client();
  const a = listen(client, 'a');
  const b = listen(client, 'b');
  await settle();
  const first = await world.call(1).open({ id: 'e-1' });
  b.subscription.unsubscribe();
  b.subscription.unsubscribe();
  await world.advance(999);
  assert.equal(first.aborted, false);
  await first.event('e-2', 'b', 2);
  await first.event('e-3', 'a', 3);
  assert.deepEqual([a.messages, b.messages], [[3], []]);
  await world.advance(1);
  assert.deepEqual([world.call(2).topics, world.call(2).from], [['a'], 'e-3']);
  await world.call(2).open({ id: 'e-3' });
  const { unsubscribe } = a.subscription;
  unsubscribe();
  listen(client, 'c');
  await world.advance(20);
  assert.deepEqual(world.call(3).topics, ['c']);
  await world.advance(5000);
  assert.equal(world.calls.length, 3);
});

test('when nobody listens any more the connection ends, and what comes later begins anew', async () => {
  const client = world.client({ lastEventId: 'e-0' });
  const a = listen(client, 'a');
  await settle();
  assert.equal(world.call(1).from, 'e-0');
  await world.call(1).open({ id: 'e-1' });
  a.subscription.unsubscribe();
  await world.advance(1000);
  assert.equal(world.call(1).aborted, true);
  assert.deepEqual([client.status, world.timers], ['waiting', 0]);
  listen(client, 'a');
  await world.advance(20);
  assert.equal(world.call(2).from, undefined, 'nobody wanted what was published meanwhile');
});

test('more than 64 topics, or a long URL: everything is asked for, and sorted here', async () => {
  for (const name of [(n) => `t${n}`, (n) => `${'x'.repeat(200)}${n}`]) {
    const client = world.client();
    const count = world.calls.length;
    const subscriptions = Array.from({ length: name(0).length > 9 ? 30 : 65 }, (_, n) => listen(client, name(n)));
    await settle();
    const call = world.call(count + 1);
    assert.deepEqual(call.topics, []);
    await call.open({ id: 'e-1' });
    await client.ready;
    await call.event('e-2', name(3), 1);
    await call.event('e-3', 'other', 2);
    assert.deepEqual([subscriptions[3].messages, subscriptions[4].messages], [[1], []]);
    await world.advance(20_000);
    assert.equal(world.calls.length, count + 1);
    client.close();
  }
});

test('a topic that is refused is told to its subscribers only; the others go on', async () => {
  const client = world.client();
  const good = listen(client, 'good');
  const bad = listen(client, 'audit/*');
  await settle();
  const problem = PROBLEM('not-granted', 403, { errors: [{ field: 'topic', value: 'audit/*', detail: 'no' }] });
  await world.call(1).refuse(403, problem);
  assert.deepEqual(world.call(2).topics, ['good']);
  await world.call(2).open({ id: 'e-1' });
  assert.deepEqual([good.statuses, bad.statuses], [['connecting', 'open'], ['connecting', 'refused']]);
  assert.deepEqual(bad.details.at(-1).problem, problem);
  await world.advance(25_000);
  assert.equal(world.calls.length, 2);
  const again = listen(client, 'audit/*');
  await settle();
  assert.deepEqual(again.statuses, ['refused'], 'who wants it too is told at once');
  bad.subscription.unsubscribe();
  again.subscription.unsubscribe();
  await client.ready;
  listen(client, 'audit/*');
  await world.advance(20);
  assert.deepEqual(world.call(3).topics, ['audit/*', 'good'], 'once nobody wanted it, it may be asked for again');
});

test('where all topics are refused nothing is asked for', async () => {
  const client = world.client();
  const { statuses } = listen(client, 'a');
  await settle();
  await world.call(1).refuse(403, PROBLEM('not-granted', 403, { errors: [{ value: 'a' }] }));
  await world.advance(60_000);
  assert.deepEqual([world.calls.length, client.status, statuses.at(-1)], [1, 'refused', 'refused']);
  client.close();
  assert.equal(statuses.at(-1), 'closed');
});

test('400 and 403 of the hub that name no topic are lasting; those of somebody else are not', async () => {
  for (const status of [400, 403]) {
    const client = world.client();
    const { details } = listen(client, 'a');
    await settle();
    await world.calls.at(-1).refuse(status, '<html>');
    assert.deepEqual([client.status, details.at(-1).reason], ['waiting', `http-${status}`]);
    await world.advance(3000);
    const count = world.calls.length;
    await world.call(count).refuse(status, PROBLEM('origin-not-allowed', status));
    assert.deepEqual([client.status, details.at(-1).reason], ['refused', 'origin-not-allowed']);
    await world.advance(600_000);
    assert.equal(world.calls.length, count);
    client.close();
  }
});

test('another token may read what the one before might not', async () => {
  let count = 0;
  const client = world.client({ token: () => `token-${++count}` });
  listen(client, 'good');
  const bad = listen(client, 'bad');
  await settle();
  await world.call(1).refuse(403, PROBLEM('not-granted', 403, { errors: [{ value: 'bad' }] }));
  await world.call(2).open({ id: 'e-1' });
  await world.call(2).control('expiring');
  await world.call(3).say(new Response('{}'));
  await world.advance(20);
  assert.deepEqual([world.call(4).topics, world.call(4).token], [['bad', 'good'], 'token-2']);
  await world.call(4).open({ id: 'e-1' });
  assert.equal(bad.statuses.at(-1), 'open');
});

test('the same token again may read no more than before', async () => {
  const client = world.client({ token: () => 'same' });
  listen(client, 'good');
  const bad = listen(client, 'bad');
  await settle();
  await world.call(1).refuse(403, PROBLEM('not-granted', 403, { errors: [{ value: 'bad' }] }));
  await world.call(2).open({ id: 'e-1' });
  await world.call(2).control('expiring');
  await world.call(3).say(new Response('{}'));
  await world.advance(2000);
  assert.deepEqual([world.calls.length, bad.statuses], [3, ['connecting', 'refused']]);
});
