// Texts of the console: what is shown, quoted for a shell, and read from a form or a fragment.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import {
  readFragment,
  readSince,
  readTopics,
  writeFragment,
  writeTopics,
  query,
} from '../../../sse_signals/web/assets/console/address.js';
import { listenLine, publishBody, publishLine, quote } from '../../../sse_signals/web/assets/console/curl.js';
import { Layout, memberStart, memberText, valueEnd } from '../../../sse_signals/web/assets/console/json.js';
import {
  bytes,
  clock,
  count,
  cut,
  duration,
  gap,
  latency,
  overdue,
  record,
  said,
  utf8,
  visible,
  why,
} from '../../../sse_signals/web/assets/console/words.js';

const NASTY = [
  ...["it's", '"'],
  '$HOME `id` $(id) \\',
  '!!',
  'a\nb\r\n',
  '{a,b}[1-3]',
  '*',
  '?',
  '~',
  '#',
  '&;|<>',
  '-x',
  '@/etc/passwd',
  '',
  ' ',
  'é😀',
];

/** What a shell makes of a line's arguments; `curl` is a function of it. */
function words(line, shell = 'sh') {
  const script = `TOKEN=secret; curl() { for word; do printf '%s\\0' "$word"; done; }; ${line}`;
  return execFileSync(shell, ['-c', script]).toString().split('\0').slice(0, -1);
}

test('what is quoted is one word, and the same text, for every shell', () => {
  for (const text of NASTY) {
    for (const shell of ['sh', 'bash']) assert.deepEqual(words(`curl ${quote(text)}`, shell), [text]);
  }
});

test('a line that listens asks for just what the page does, and names no token', () => {
  const url = 'http://[::1]:80/signals';
  const line = listenLine({ url, topics: ["o'brien/*", 'a&b'], authorised: true, after: 'x-1.2' });
  assert.deepEqual(words(line), [
    '-N',
    '-H',
    'Authorization: Bearer secret',
    `${url}/stream?topic=o%27brien/*&topic=a%26b&lastEventId=x-1.2`,
  ]);
  assert.ok(line.includes('$TOKEN') && !line.includes('secret'));
  assert.deepEqual(words(listenLine({ url, topics: [], authorised: false })), ['-N', `${url}/stream`]);
  assert.deepEqual(words(listenLine({ url, topics: [], authorised: false, since: 'all' })), [
    '-N',
    `${url}/stream?since=all`,
  ]);
});

test('a line that publishes says the same JSON, without a character that does something to a terminal', () => {
  for (const text of [...NASTY, '\u202e\u0085\u007f\u{E0041}', '\u001b[31m']) {
    const body = publishBody({
      message: JSON.stringify({ [text]: [text] }),
      topic: 'a b',
      event: 'e',
      targets: ['user:default/ann'],
    });
    const line = publishLine({ url: 'http://h/s', body, authorised: false });
    const [option, sent, url] = words(line);
    assert.deepEqual([option, url], ['--json', 'http://h/s/publish']);
    assert.deepEqual(JSON.parse(sent), {
      topic: 'a b',
      event: 'e',
      targetOwnershipEntityRefs: ['user:default/ann'],
      message: { [text]: [text] },
    });
    assert.ok(!/[\p{Cc}\p{Cf}]/u.test(line));
  }
});

test('a body has what was given, digit for digit', () => {
  assert.equal(publishBody({ message: '9007199254740993.0' }), '{"message":9007199254740993.0}');
  assert.equal(publishBody({ message: '1', topic: '', event: 'message', targets: [] }), '{"message":1}');
  assert.equal(publishBody({ message: '1', topic: null }), '{"message":1}');
});

test('topics are read as people write them, and written so that they are read again', () => {
  assert.deepEqual(readTopics(' orders/*, news\n a '), ['orders/*', 'news', 'a']);
  assert.deepEqual(readTopics(''), []);
  assert.deepEqual(readTopics('a a,a'), ['a']);
  for (const topics of [['a b', 'c,d', '"', 'e"f', '\\'], ['*'], ["o'b", 'a"b c']])
    assert.deepEqual(readTopics(writeTopics(topics)), topics);
  for (const wrong of ['a*b', 'x'.repeat(256), '\u202e', '"a', '"a\\q"', '*x*'])
    assert.throws(() => readTopics(wrong), TypeError, wrong);
  assert.throws(() => readTopics(Array.from({ length: 65 }, (_, n) => n).join(' ')), /more than 64/);
});

test('a start has the forms that the hub knows', () => {
  for (const good of ['', 'all', '-20', '10m', '1d', '2026-01-31T12:00:00Z', '2026-01-31T12:00:00+01:00'])
    assert.equal(readSince(good), good);
  assert.equal(readSince(' live '), '');
  for (const wrong of ['-0', '10', 'm', '0s', 'All', '2026-01-31', 'x'])
    assert.throws(() => readSince(wrong), TypeError, wrong);
});

test('a fragment holds filters and start, and nothing else', () => {
  assert.equal(writeFragment(['orders/*', 'a b'], '10m'), '#topic=orders/*&topic=a%20b&since=10m');
  assert.equal(writeFragment([], ''), '#topic=*');
  assert.deepEqual(readFragment('#topic=orders/*&topic=a%20b&since=10m&token=x'), {
    topics: 'orders/* "a b"',
    since: '10m',
  });
  assert.deepEqual(readFragment('#since=all'), { topics: '', since: 'all' });
  for (const other of ['', '#', '#x=1', '#%zz']) assert.equal(readFragment(other), undefined);
  assert.equal(query(['a+b', "c'()!"], { since: '' }), 'topic=a%2Bb&topic=c%27%28%29%21');
});

test('what shows nothing is shown by its number, and pictures stay whole', () => {
  assert.equal(visible('a\u202eb\0\u200b\u2028\u{E0001}\ud800'), 'a\\u202eb\\u0000\\u200b\\u2028\\udb40\\udc01\\ud800');
  assert.equal(visible('\ue000\u{F0000}'), '\\ue000\\udb80\\udc00'); // nobody knows what a font makes of those
  for (const text of ['👩‍🚀👍🏽‍🔥❤️', 'Zoë – naïve', 'שלום', '日本']) assert.equal(visible(text), text);
  assert.equal(visible('a\u200db'), 'a\\u200db');
});

test('members are found in text, whatever strings hold', () => {
  const text =
    ' { "a\\"message" : "}\\\\" , "topic":"\\"message\\":1", "message" : [1, {"message": "]"}] , "z": null }';
  assert.equal(memberText(text, 'message'), '[1, {"message": "]"}]');
  assert.equal(memberText(text, 'z'), 'null');
  assert.equal(memberText(text, 'y'), '');
  assert.equal(memberText('{"message":1.50}', 'message'), '1.50');
  for (const odd of ['', '{', '[1]', '"x', '{"a"', '{"a":', 'null', '{"a":"x', '{,}'])
    assert.equal(memberText(odd, 'message'), '');
  assert.equal(memberStart('{"message":', 'message'), 11);
  assert.equal(valueEnd('[[[', 0), 3);
});

const joined = (pieces) => pieces.map(([, part]) => part).join('');
const shown = (text) => joined(new Layout(text).more(1e6));

test('JSON is laid out as JSON.stringify would, and no digit changes', () => {
  for (const value of [1, 'x', null, [], {}, [1, [2, []], { a: {}, b: [{}] }], { __proto__x: '}{][,:"\\', '': '' }]) {
    for (const text of [JSON.stringify(value), JSON.stringify(value, null, 3)])
      assert.equal(shown(text), JSON.stringify(value, null, 2));
  }
  assert.equal(shown('[9007199254740993,1.0,1e400]'), '[\n  9007199254740993,\n  1.0,\n  1e400\n]');
  assert.deepEqual(new Layout('{"a":"b","c":-1}').more(99), [
    ['', '{\n  '],
    ['key', '"a"'],
    ['', ': '],
    ['string', '"b"'],
    ['', ',\n  '],
    ['key', '"c"'],
    ['', ': '],
    ['word', '-1'],
    ['', '\n}'],
  ]);
});

test('a long message is laid out a part at a time, also a deep or broken one, and nothing is left out', () => {
  for (const text of [
    JSON.stringify(Array(9999).fill(1)),
    `"${'x'.repeat(99999)}"`,
    '['.repeat(9999),
    '{"a":'.repeat(9999),
    ']'.repeat(9999),
  ]) {
    const layout = new Layout(text);
    const parts = [];
    while (!layout.done) parts.push(joined(layout.more(1000)));
    assert.ok(parts.length > 9 && parts.every(({ length }) => length > 0 && length < 3200), text.slice(0, 9));
    assert.equal(parts.join(''), shown(text));
    if (text.startsWith('[1')) assert.ok(parts.slice(0, -1).every((part) => part.endsWith(',\n')));
    assert.equal(parts.join('').replace(/\s/g, ''), text);
  }
  assert.ok(new Layout('[1').more(9).length && new Layout('').done);
});

test('no level is so deep that its lines are all indent', () => {
  const lines = shown('['.repeat(60)).split('\n');
  assert.deepEqual([lines[40].length, lines[41].length, lines[59].length], [81, 81, 81]);
});

test('a picture stays whole wherever a long string is parted', () => {
  for (const picture of ['👩‍🚀', '👍🏽‍🔥', '❤️', '😀'])
    for (let before = 985; before < 1001; before++) {
      const text = `"${'x'.repeat(before)}${picture}${'y'.repeat(1000)}"`;
      assert.equal(shown(text), text);
    }
  assert.equal(shown(`"${'\u200d'.repeat(3000)}"`), `"${'\\u200d'.repeat(3000)}"`);
});

test('numbers are for people', () => {
  assert.deepEqual([0, 1023, 1024, 1536, 5e15, NaN].map(bytes), [
    '0 B',
    '1,023 B',
    '1 KiB',
    '1.5 KiB',
    '4,547.5 TiB',
    '–',
  ]);
  assert.deepEqual([0, 0.25, 9.96, 59, 61, 3600, 90000, -1, NaN].map(duration), [
    '0 s',
    '0.3 s',
    '10 s',
    '59 s',
    '1 min 1 s',
    '1 h 0 min',
    '1 d 1 h',
    '0 s',
    '–',
  ]);
  assert.deepEqual([count(1234.56), count(NaN), latency(1.26), latency(NaN)], ['1,234.6', '–', '1.3 ms', '–']);
  assert.equal(utf8('é😀'), 6);
  assert.deepEqual(['2026-01-31T12:00:00.123Z', '2026-01-31T12:00:00.123456Z', 'yesterday\u202e'].map(clock), [
    '12:00:00.123',
    '12:00:00.123',
    'yesterday\\u202e',
  ]);
});

test('causes become sentences, those that nobody foresaw too', () => {
  assert.match(why('shutdown'), /shutting down/);
  assert.match(why('http-502'), /status 502/);
  assert.equal(why('new-\u202ecause'), 'The hub said: new-\\u202ecause.');
  assert.equal(why('constructor'), 'The hub said: constructor.');
  assert.equal(why('x', { type: 't', title: 'T', status: 400, detail: 'D.', hint: 'H.' }), 'D. H.');
  assert.equal(
    why('x', { type: 't', title: 'T', status: 401, detail: 'D.', hint: 'H.' }),
    'D. Paste a token, and connect.',
  );
  assert.equal(why('x', { type: 't', title: 'T', status: 400 }), 'T');
  assert.equal(
    gap('{"reason":"trimmed","from":"a-1","to":"a-9"}'),
    'Signals are missing: the hub no longer holds them. It goes on after a-9; missing since a-1.',
  );
  assert.match(gap('{"reason":"constructor","to":"a"}'), /reason: constructor\. It goes on after a\.$/);
  for (const odd of ['', '1', '[]', 'null', '{']) assert.deepEqual(record(odd), {});
  assert.match(why('x', { type: 't', title: '', status: 403 }), /^The answer is none of a hub's/);
  const odd = { toString: 5 };
  assert.match(gap(JSON.stringify({ reason: odd, from: odd, to: odd })), /reason: \. It goes on after \.$/);
});

test('only text and numbers are taken for what somebody says, and not without end', () => {
  assert.deepEqual(['a', 7, 1.5].map(said), ['a', '7', '1.5']);
  for (const odd of [undefined, null, true, {}, [], { toString: 5 }, ['a']]) assert.equal(said(odd), '');
  assert.equal(said('x'.repeat(60_000)).length, 602);
  assert.equal(cut('abcdef', 3), 'abc …');
  assert.equal(cut('abc', 3), 'abc');
  assert.equal(cut('ab😀', 3), 'ab …');
});

test('an answer is late after five seconds', () => {
  assert.equal(overdue(5000), '');
  assert.match(overdue(5001), /no answer yet.*six connections/);
});
