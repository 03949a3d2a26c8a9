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
  const options = { url: 'https://hub.test/pre/fix//' };
  const client = world.client(options);
  options.url = 'https://other.test';
  listen(client, 'a');
  await settle();
  assert.equal(world.call(1).url.href, 'https://hub.test/pre/fix/stream?topic=a');
});

/** Return where a client asks that is told this URL. */
async function asks(url) {
  listen(world.client({ url }), 'a');
  await settle();
  return world.calls.at(-1).url.href.replace('/stream?topic=a', '');
}

test('a URL without a path means the usual one, as it does elsewhere; a path is one of this page', async () => {
  globalThis.location = { href: 'https://page.test/some/where?x=1#y' };
  try {
    for (const url of ['https://hub.test', 'https://hub.test/', 'https://hub.test//']) {
      assert.equal(await asks(url), 'https://hub.test/signals');
    }
    assert.equal(await asks(new URL('http://hub.test')), 'http://hub.test/signals');
    assert.equal(await asks(new URL('http://hub.test/a/b')), 'http://hub.test/a/b');
    assert.equal(await asks('HTTP://HUB.test/a@b'), 'http://hub.test/a@b');
    assert.equal(await asks('/signals'), 'https://page.test/signals');
    assert.equal(await asks('//hub.test/signals/'), 'https://hub.test/signals');
  } finally {
    delete globalThis.location;
  }
});

test('what is no URL of a hub is a TypeError that says how one looks, and no token goes anywhere', async () => {
  globalThis.location = { href: 'https://page.test/some/where' };
  try {
    const none = [undefined, null, '', {}, 7, 'signals', '127.0.0.1:8080/signals', 'localhost:8080/signals'];
    const others = ['ws://hub.test/signals', 'file:///signals', 'https://hub.test/signals?x=1', 'https://hub.test/signals#y'];
    const ends = ['https://hub.test/signals?', '/signals#', new URL('https://hub.test/?x')];
    const users = ['https://ann:secret@hub.test/a', 'https://ann@hub.test', 'https://:secret@hub.test', '//ann@hub.test/a'];
    for (const url of [...none, ...others, ...ends, ...users]) {
      const says = (error) => error instanceof TypeError && /^url .*https:.*query/.test(error.message);
      assert.throws(() => world.client({ url, token: 'secret' }), says, `${url}`);
    }
  } finally {
    delete globalThis.location;
  }
  assert.throws(() => world.client({ url: '/signals' }), TypeError, 'where there is no page it is beside nothing');
  await settle();
  assert.equal(world.calls.length, 0);
});

test('what is used wrongly is told in words', async () => {
  const client = world.client();
  assert.throws(() => client.subscribe('a', { onSignal() {} }), /^TypeError: onSignal is object, not a function$/);
  client.close();
  assert.throws(() => client.subscribe('a', () => {}), /^Error: the client is closed$/);
});
