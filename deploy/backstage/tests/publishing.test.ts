/** How the back-end package publishes where the hub, or the way to it, is not well. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { HubSignalsService } from '../signals-hub-node/src/HubSignalsService';
import { recorder } from './recorder';
import { cut, problem, ScriptedHub, silence, status, type Answer } from './scripted';

const TOKEN = 'header.payload.signature';
const SIGNAL = { recipients: { type: 'broadcast' as const }, channel: 'notes', message: { n: 1 } };
const ACCEPTED = status(202, {}, '{"id":"a-1"}');

let running: ScriptedHub[] = [];
afterEach(() => {
  running.forEach(hub => hub.stop());
  running = [];
});

async function served(answers: Answer[], options: { timeout?: number; token?: () => Promise<string> } = {}) {
  const hub = new ScriptedHub(answers);
  running.push(hub);
  const url = `${await hub.start()}/signals/`;
  const logged: string[] = [];
  const service = new HubSignalsService({
    baseUrl: async () => url,
    token: options.token ?? (async () => TOKEN),
    logger: recorder(logged),
    timeout: options.timeout ?? 5000,
  });
  return { hub, service, logged };
}

test('the payload is posted as it is, with the token of the plugin', async () => {
  const { hub, service, logged } = await served([ACCEPTED]);
  await service.publish({ ...SIGNAL, recipients: { type: 'user', entityRef: ['group:default/a'] } });
  const [asked] = hub.asked;
  assert.equal(asked?.path, '/signals/publish');
  assert.equal(asked.headers.authorization, `Bearer ${TOKEN}`);
  assert.equal(asked.headers['content-type'], 'application/json');
  assert.deepEqual(JSON.parse(asked.body), { ...SIGNAL, recipients: { type: 'user', entityRef: ['group:default/a'] } });
  assert.deepEqual(logged, []);
});

for (const [what, answer] of [
  ['is cut', cut],
  ['is 502', status(502)],
  ['is 503', problem(503, { title: 'Starting' }, { 'Retry-After': '0' })],
  ['is 429', status(429)],
] as const) {
  test(`an answer that ${what} leads to another attempt, which the hub knows as the same`, async () => {
    const { hub, service, logged } = await served([answer, answer, ACCEPTED]);
    await service.publish(SIGNAL);
    const keys = new Set(hub.asked.map(({ headers }) => headers['idempotency-key']));
    assert.deepEqual([hub.asked.length, keys.size, logged], [3, 1, []]);
    assert.ok([...keys][0]);
  });
}

test('each signal has a key of its own, and they share a connection', async () => {
  const { hub, service } = await served([ACCEPTED]);
  for (let n = 0; n < 20; n += 1) {
    await service.publish(SIGNAL);
  }
  assert.equal(new Set(hub.asked.map(({ headers }) => headers['idempotency-key'])).size, 20);
  assert.ok(hub.connections <= 2, `${hub.connections} connections`);
});

test('an attempt without an answer gives way to another one, and no publisher waits longer than said', async () => {
  const { hub, service, logged } = await served([silence, ACCEPTED], { timeout: 3000 });
  await service.publish(SIGNAL);
  assert.deepEqual([hub.asked.length, logged], [2, []]);

  const deaf = await served([silence], { timeout: 400 });
  const start = Date.now();
  await deaf.service.publish(SIGNAL);
  const waited = Date.now() - start;
  assert.ok(waited < 2000, `it took ${waited} ms`);
  assert.match(deaf.logged.join(), /^warn: A signal for channel 'notes' did not reach the hub.*imeout/);
});

test('a wait that the hub asks for is kept, or not begun where it would be too long', async () => {
  const start = Date.now();
  const { service } = await served([problem(503, {}, { 'Retry-After': '1' }), ACCEPTED]);
  await service.publish(SIGNAL);
  assert.ok(Date.now() - start >= 990);

  const busy = await served([problem(503, { title: 'Busy' }, { 'Retry-After': '60' }), ACCEPTED]);
  await busy.service.publish(SIGNAL);
  assert.equal(busy.hub.asked.length, 1);
  assert.match(busy.logged.join(), /503 Busy/);
});

test('while the hub is away each signal is tried once, and the log tells of it once, and when it is back', async () => {
  const { hub, service, logged } = await served([cut], { timeout: 1500 });
  await service.publish(SIGNAL);
  const tried = hub.asked.length;
  assert.ok(tried > 1);
  await service.publish(SIGNAL);
  await service.publish(SIGNAL);
  assert.equal(hub.asked.length, tried + 2);
  hub.answers = [ACCEPTED];
  await service.publish(SIGNAL);
  assert.equal(logged.length, 2);
  assert.match(logged[0] ?? '', /^warn: .*did not reach the hub.*(ECONNRESET|UND_ERR_SOCKET)/);
  assert.equal(logged[1], 'info: The hub answers again; 3 signals did not reach it');
});

test('a refusal is told in the words of the hub, is not tried again, and fails nobody', async () => {
  const members = { title: 'Not granted.', detail: "Plugin 'notes' may not publish here.", hint: 'Publish as notes.' };
  const { hub, service, logged } = await served([problem(403, members)]);
  await service.publish(SIGNAL);
  assert.equal(hub.asked.length, 1);
  assert.deepEqual(logged, [
    `error: The hub refused a signal for channel 'notes': 403 ${members.title} ${members.detail} ${members.hint}`,
  ]);
});

for (const [what, answer, told] of [
  ['something else answers', status(404, { 'Content-Type': 'text/html' }, '<h1>No</h1>'), /404 .*check signalsHub/],
  ['it leads elsewhere', status(307, { Location: 'https://evil.test/' }), /307 .*leads to https:\/\/evil\.test\//],
  ['a problem is cut short', status(400, { 'Content-Type': 'application/problem+json' }, '{"title'), /400 /],
  ['the token is in the answer', problem(401, { title: `No ${TOKEN}` }), /401 No \*\*\*$/],
] as const) {
  test(`where ${what} the log says so, without the token`, async () => {
    const { hub, service, logged } = await served([answer]);
    await service.publish(SIGNAL);
    assert.equal(hub.asked.length, 1);
    assert.match(logged.join(), told);
    assert.ok(!logged.join().includes(TOKEN));
  });
}

test('a token that cannot be made is told, and fails nobody', async () => {
  const { hub, service, logged } = await served([ACCEPTED], { token: async () => Promise.reject(new Error('no key')) });
  await service.publish(SIGNAL);
  assert.equal(hub.asked.length, 0);
  assert.match(logged.join(), /^warn: .*no key/);
});

test('what is no JSON is a mistake of the publisher, who is told', async () => {
  const { service } = await served([ACCEPTED]);
  const loop: Record<string, never> = {};
  Object.assign(loop, { loop });
  await assert.rejects(service.publish({ ...SIGNAL, message: loop }), TypeError);
});
