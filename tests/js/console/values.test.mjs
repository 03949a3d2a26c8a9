// What the console holds, measures and sorts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Log } from '../../../sse_signals/web/assets/console/log.js';
import { byteRate, openStreams, read, sorted } from '../../../sse_signals/web/assets/console/overview.js';
import { Ring } from '../../../sse_signals/web/assets/console/ring.js';
import { asOf, ceiling, paths, Series, WINDOW } from '../../../sse_signals/web/assets/console/series.js';

const row = (topic, message = 'null', kind = 'signal') => ({
  kind,
  id: 'i',
  before: '',
  time: 'Z',
  topic,
  event: 'message',
  data: `{"topic":${JSON.stringify(topic)},"time":"Z","message":${message}}`,
});
const topics = (log) => [...log.shown].map(({ topic }) => topic).join('');

test('a ring holds the newest', () => {
  const ring = new Ring(3);
  assert.equal(ring.shift(), undefined);
  for (let n = 0; n < 8; n++) {
    ring.push(n);
    assert.deepEqual(
      [...ring],
      [n - 2, n - 1, n].filter((one) => one >= 0),
    );
  }
  assert.equal(ring.shift(), 5);
  assert.deepEqual([ring.at(0), ring.at(1), ring.at(2), ring.at(-1), ring.full], [6, 7, undefined, undefined, false]);
  ring.clear();
  assert.deepEqual([...ring], []);
});

test('a log holds the newest rows, bounded in number and in characters', () => {
  const log = new Log(3, 1e6);
  for (const topic of 'abcde') log.push(row(topic));
  assert.deepEqual([topics(log), log.held, log.total], ['cde', 3, 5]);
  const small = new Log(1000, 10_000);
  for (let n = 0; n < 100; n++) small.push(row('a', `"${'x'.repeat(2000)}"`));
  assert.deepEqual([small.held, small.shown.length], [4, 4]);
  small.push(row('b', `"${'x'.repeat(20_000)}"`)); // one that is larger than all is still shown
  assert.equal(topics(small), 'b');
});

test('a filter looks at topic, event and message, and hides no gap', () => {
  const log = new Log(4, 1e6);
  log.filter('B');
  for (const [topic, message] of [
    ['a', '"time"'],
    ['b', '1'],
    ['c', '"say \\"bé\\""'],
    ['d', '1'],
  ])
    log.push(row(topic, message));
  assert.equal(topics(log), 'bc');
  log.filter('say "BÉ"');
  assert.equal(topics(log), 'c');
  log.filter('time'); // what stands around the message is not looked at
  assert.equal(topics(log), 'a');
  log.push(row('x', '1', 'gap')); // and lets the oldest go
  assert.deepEqual([topics(log), log.signals], ['x', 0]);
  for (const text of String.raw`[(* a-b 2026-01 / {1} $ ^ | . ? +`.split(' ')) {
    log.filter(text); // no pattern, only text
    assert.equal(topics(log), 'x', text);
  }
  log.filter(' ');
  assert.deepEqual([topics(log), log.signals], ['bcdx', 3]);
  for (const topic of 'efgh') log.push(row(topic));
  assert.deepEqual([topics(log), log.signals], ['efgh', 4]);
});

test('a pause loses nothing that is held, and its rows follow in order', () => {
  const log = new Log(3, 1e6);
  for (const topic of 'ab') log.push(row(topic));
  log.pause();
  log.pause();
  for (const topic of 'cdefg') log.push(row(topic));
  assert.deepEqual([topics(log), log.paused, log.waiting], ['ab', true, 5]);
  log.resume();
  assert.deepEqual([topics(log), log.paused, log.waiting, log.total], ['efg', false, 0, 7]);
  log.resume();
  log.pause();
  log.push(row('h'));
  log.clear();
  assert.deepEqual([topics(log), log.waiting, log.total, log.held], ['', 0, 0, 0]);
  log.resume();
  assert.equal(topics(log), '');
});

test('a row is found by its number, and where it would be when it is gone', () => {
  const log = new Log(3, 1e6);
  for (const topic of 'abcde') log.push(row(topic));
  assert.deepEqual(
    [0, 3, 4, 5, 9].map((n) => log.place(n)),
    [0, 0, 1, 2, 3],
  );
});

test('a series holds two minutes', () => {
  const series = new Series();
  assert.equal(series.summary(0), undefined);
  for (let n = 0; n < 300; n++) series.add(n * 1000, n);
  series.add(300_000, NaN);
  assert.equal(series.points(299_000).length, WINDOW / 1000 + 1);
  assert.deepEqual(series.summary(299_000), { at: 299_000, last: 299, least: 179, most: 299 });
  series.clear();
  assert.deepEqual(series.points(0), []);
  assert.deepEqual([asOf(7000, 60_000), asOf(7001, 60_000)], ['', '00:00:52']); // what is older does not look live
});

test('a chart has a round number at its upper edge', () => {
  assert.deepEqual(
    [0, NaN, 0.5, 1, 2, 9, 10, 47, 48, 1900].map((n) => ceiling(n)),
    [1, 1, 1, 2, 5, 10, 20, 50, 100, 2000],
  );
  assert.deepEqual(
    [500, 1000, 5000, 3e6].map((n) => ceiling(n, 1024)),
    [1000, 2 * 1024, 10 * 1024, 5 * 1024 ** 2],
  );
});

test('a line is broken where nobody looked', () => {
  const frame = { now: 10_000, top: 10, width: 120, height: 50 };
  const { line, area } = paths(
    [
      { at: 0, value: 10 },
      { at: 1000, value: 5 },
      { at: 10_000, value: 99 },
    ],
    frame,
  );
  assert.equal(line, 'M110.0 0.0L111.0 25.0M120.0 0.0');
  assert.equal(area, 'M110.0 0.0L111.0 25.0L111.0 50L110.0 50ZM120.0 0.0L120.0 50L120.0 50Z');
  assert.deepEqual(paths([], frame), { line: '', area: '' });
});

const node = (name, seconds, written, started = 'S') => ({
  node: name,
  time: new Date(seconds * 1000).toISOString(),
  started,
  ready: true,
  draining: false,
  streams: { open: 2, behind: 1, opened: 3, closed: { 'client-gone': 4, shutdown: 5 }, refused: { full: 6 } },
  traffic: { signals: 7, delivered: 8, bytes: written },
});

test('an overview is read, with whatever is missing or odd', () => {
  const overview = read({
    node: 'n',
    nodes: [node('a', 1, 100), null, 7],
    closed: 'x',
    streams: [
      {
        stream: 's\u202e',
        subject: null,
        topics: ['a', 7, 'b/*', 'signals-console/canary-1x2y'],
        moreTopics: 3,
        lag: { records: 2, seconds: 0.5 },
        age: 1.5,
        delivered: '9',
      },
    ],
  });
  const {
    streams: [stream],
    nodes: [first, second],
  } = overview;
  assert.deepEqual(
    [stream.stream, stream.subject, stream.topics, stream.lag, stream.age, stream.bytes],
    ['s\\u202e', '', 'a, , b/*, (canary), and 3 more', 2, 1.5, NaN],
  );
  assert.deepEqual(
    [first.state, first.open, first.closed, first.refused, second.node, second.state],
    ['ready', 2, 9, 6, '', 'not ready'],
  );
  assert.equal(read({ nodes: [{ ...node('a', 1, 1), draining: true }] }).nodes[0].state, 'draining');
  assert.equal(openStreams(overview), 2);
  for (const odd of [null, 1, 'x', [], {}])
    assert.deepEqual(read(odd), { node: '', incomplete: '', nodes: [], streams: [], closed: [] });
});

test('bytes a second are the difference of two counts of a node that did not begin anew', () => {
  const before = read({ nodes: [node('a', 10, 100), node('b', 10, 100), node('c', 10, 900, 'S')] });
  const now = read({ nodes: [node('a', 12, 300), node('b', 14, 500), node('c', 12, 5000, 'T'), node('d', 12, 9)] });
  assert.equal(byteRate(before, now), 200);
  assert.ok(Number.isNaN(byteRate(undefined, now)));
  assert.ok(Number.isNaN(byteRate(before, before)));
});

test('rows are sorted by number or text, and what has no value is last either way', () => {
  const column = { name: 'v', title: 'V', value: ({ v }) => v, text: ({ v }) => `${v}` };
  const by = (values, descending) =>
    sorted(
      values.map((v) => ({ v })),
      column,
      descending,
    ).map(({ v }) => v);
  assert.deepEqual(by([10, NaN, 9, 1], false), [1, 9, 10, NaN]);
  assert.deepEqual(by([10, NaN, 9, 1], true), [10, 9, 1, NaN]);
  assert.deepEqual(by(['b', '', 'a'], true), ['b', 'a', '']);
});
