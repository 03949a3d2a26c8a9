// The decoder: an event stream, in whatever pieces it arrives, becomes blocks (HTML standard, section 9.2.6).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decoder } from '../../sse_signals/web/assets/client/decoder.js';

const CASES = [
  ['data: a\n\n', [['', 'message', 'a']]],
  ['data: a\r\n\r\ndata: b\r\rdata: c\n\r\n', [['', 'message', 'a'], ['', 'message', 'b'], ['', 'message', 'c']]],
  ['data: a\r\ndata: b\rdata: c\r\n\r\n', [['', 'message', 'a\nb\nc']]],
  ['data: a\ndata: b\ndata\ndata:\ndata:  c\n\n', [['', 'message', 'a\nb\n\n\n c']]],
  ['\uFEFFdata: a\n\n\uFEFFdata: b\n\n', [['', 'message', 'a']]],
  [': comment\n:\ndata: a\n: more\n\n', [['', 'message', 'a']]],
  ['event: x\ndata: a\n\ndata: b\n\n', [['', 'x', 'a'], ['', 'message', 'b']]],
  ['event: x\n\ndata: b\n\n', [['', 'message', 'b']]],
  ['id: 1\n\ndata: a\n\nid\ndata: b\n\n', [['1', 'message', 'a'], ['', 'message', 'b']]],
  ['id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n', [['1', 'message', 'a'], ['1', 'message', 'b']]],
  ['data: \u2028\u0085\u000b\f \u{1F600}\n\n', [['', 'message', '\u2028\u0085\u000b\f \u{1F600}']]],
  ['data:a:b\nunknown: x\n DATA: y\ndata : z\n\n', [['', 'message', 'a:b']]],
  ['id: 7\ndata: a\n\nid: 8\ndata: cut short', [['7', 'message', 'a']]],
  ['data\n\n', [['', 'message', '']]],
];

test('every line end, field and oddity, cut at every place', () => {
  for (const [text, expected] of CASES) {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at <= bytes.length; at++) {
      for (let next = at; next <= bytes.length; next += 3) {
        const decoder = new Decoder('');
        const got = [];
        for (const part of [bytes.slice(0, at), bytes.slice(at, next), new Uint8Array(), bytes.slice(next)]) {
          for (const { id, event, data } of decoder.feed(part)) got.push([id, event, data]);
        }
        assert.deepEqual(got, expected, JSON.stringify([text, at, next]));
      }
    }
  }
});

test('it begins with the id that was asked to resume after', () => {
  const [block] = new Decoder('41').feed(new TextEncoder().encode('data: a\n\n'));
  assert.equal(block.id, '41');
});

test('retry is digits and nothing else, and holds as soon as its line has ended', () => {
  const decoder = new Decoder('');
  for (const [text, expected] of [['retry: 12', undefined], ['5\n', 125], ['retry: 1e3\nretry: -1\nretry:\n', 125], ['retry:0\n', 0]]) {
    assert.deepEqual([...decoder.feed(new TextEncoder().encode(text))], []);
    assert.equal(decoder.retry, expected, text);
  }
});

test('no more than a mebibyte is held of an event, however it comes', () => {
  for (const part of ['x'.repeat(2 ** 15), `data: ${'x'.repeat(2 ** 15)}\n`]) {
    const decoder = new Decoder('');
    const bytes = new TextEncoder().encode(part);
    assert.throws(() => {
      for (let n = 0; n < 34; n++) for (const _ of decoder.feed(bytes));
    }, RangeError);
  }
  const decoder = new Decoder('');
  const line = new TextEncoder().encode(`data: ${'x'.repeat(2 ** 15)}\n\n`);
  for (let n = 0; n < 64; n++) assert.equal([...decoder.feed(line)].length, 1);
});
