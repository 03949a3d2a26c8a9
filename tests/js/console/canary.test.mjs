// The canary of the console: when it is published, for whom, and what is told of it.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import {
  Canary,
  isCanary,
  perch,
  refusesCanary,
  withCanary,
} from '../../../sse_signals/web/assets/console/canary.js';
import { answering, asked, away, HUB, json, problem, settle } from './hub.mjs';

const TOPIC = 'signals-console/canary-x';

/** A canary, and what it told and measured. */
function hatched() {
  const [told, times] = [[], []];
  const canary = new Canary(
    HUB,
    TOPIC,
    (ms) => times.push(ms),
    (text) => told.push(text),
  );
  return { canary, told, times };
}

test('a canary is timed, for nobody else where one is known, and stops where it is refused', async () => {
  answering(json({ id: 'x-2' }), problem(429), away, problem(403));
  const { canary, told, times } = hatched();
  canary.start('user:default/ann');
  canary.start('user:default/ann'); // it is at work already
  await settle();
  assert.deepEqual(
    asked.map(({ body }) => JSON.parse(body)),
    [{ topic: TOPIC, targetOwnershipEntityRefs: ['user:default/ann'], message: { n: 1 } }],
  );
  for (const odd of [{ message: { n: 7 } }, { message: null }, {}]) canary.arrived(odd); // none that were sent
  assert.deepEqual([times, told], [[], []]);
  canary.arrived({ message: { n: 1 } });
  assert.equal(times.length, 1);
  for (let n = 0; n < 3; n++) {
    mock.timers.tick(2000);
    await settle();
  }
  assert.deepEqual(
    told.map((text) => text.slice(0, 27)),
    ['', 'Not measured at the moment.', 'Not measured at the moment.', 'Not measured. D.'],
  );
  const { length } = asked;
  canary.start(null); // as when somebody looks again
  mock.timers.tick(9000);
  await settle();
  assert.equal(asked.length, length);
});

test('a canary that does not arrive is told of; while nobody looks there is none, and none is waited for', async () => {
  let now = 0;
  mock.method(performance, 'now', () => now);
  answering(json({ id: 'x-2' }));
  const { canary, told, times } = hatched();
  canary.start(null);
  await settle();
  assert.deepEqual(JSON.parse(asked[0].body), { topic: TOPIC, message: { n: 1 } });
  now = 10_000;
  mock.timers.tick(2000);
  await settle();
  assert.deepEqual(told, ['A canary was published, and did not arrive within 10 s.']);
  canary.stop();
  mock.timers.tick(60_000);
  canary.arrived({ message: { n: 2 } });
  await settle();
  assert.deepEqual([asked.length, times], [2, []]);
  answering(problem(403, 'urn:sse-signals:problem:not-granted'));
  canary.start(null);
  await settle();
  assert.equal(told.at(-1), 'Not measured: this needs the grant to publish to signals-console/*.');
});

test('a canary is published only once somebody has pressed Connect, and has a place beside what is listened to', () => {
  assert.deepEqual(perch(['a'], false), { topic: '', why: 'Off until you connect by hand.' });
  const made = perch(['a'], true);
  assert.ok(isCanary(made.topic) && made.topic.length > 35 && made.topic !== perch(['a'], true).topic);
  assert.ok(!isCanary('signals-console/x') && !isCanary(null));
  assert.deepEqual(withCanary(['a'], made), ['a', made.topic]);
  assert.deepEqual(withCanary([], made), ['*', made.topic]); // nothing is left out because of it
  assert.deepEqual(withCanary([], perch([], false)), []);
  const many = Array.from({ length: 64 }, (_, n) => `${n}`);
  assert.match(perch(many, true).why, /64 topics leave no room/);
  assert.equal(perch(many.slice(1), true).why, '');
});

test('a stream that may not listen to its canary goes on without it, any other that is refused does not', () => {
  const place = { topic: TOPIC, why: '' };
  const refused = (value, status = 403) => ({ type: 't', title: 'T', status, errors: [{ field: 'topic', value }] });
  const closed = { status: 'closed', reason: 'not-granted' };
  assert.ok(refusesCanary({ ...closed, problem: refused(TOPIC) }, place));
  assert.ok(refusesCanary(closed, place)); // the hub took a grant away, and did not say which
  assert.ok(!refusesCanary({ ...closed, problem: refused('orders/*') }, place));
  assert.ok(!refusesCanary({ ...closed, problem: refused(TOPIC, 400) }, place));
  assert.ok(!refusesCanary({ ...closed, problem: { type: 't', title: 'T', status: 403 } }, place));
  assert.ok(!refusesCanary({ status: 'closed', reason: 'revoked' }, place));
  assert.ok(!refusesCanary({ status: 'waiting', reason: 'not-granted' }, place));
  assert.ok(!refusesCanary({ ...closed, problem: refused('') }, { topic: '', why: '' }));
});
