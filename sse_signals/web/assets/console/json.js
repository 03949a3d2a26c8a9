/**
 * JSON as text. Nothing is parsed and written again: what is shown or copied has the digits of every number and the
 * order of all members as they were published.
 */

import { visible } from './words.js';

/** Levels that are indented further. Hubs take 32; something else may send more. */
const DEEPEST = 40;
/** Characters of a string that are laid out at a time. */
const PART = 1000;

/** Return the index after a string that begins at `start`. @param {string} text @param {number} start */
function stringEnd(text, start) {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return end + 1;
  }
  return text.length;
}

/** Return the index after the token that begins at `start`. @param {string} text @param {number} start */
function tokenEnd(text, start) {
  if (text[start] === '"') return stringEnd(text, start);
  if ('{}[],:'.includes(text[start])) return start + 1;
  let end = start + 1;
  while (end < text.length && !'{}[],:" \t\r\n'.includes(text[end])) end++;
  return end;
}

/** @param {string} text @param {number} start */
function skipSpace(text, start) {
  while (start < text.length && ' \t\r\n'.includes(text[start])) start++;
  return start;
}

/** Return the index after the value that begins at `start`. @param {string} text @param {number} start */
export function valueEnd(text, start) {
  let depth = 0;
  for (let at = skipSpace(text, start); at < text.length; at = skipSpace(text, at)) {
    if ('{['.includes(text[at])) depth++;
    else if ('}]'.includes(text[at])) depth--;
    at = tokenEnd(text, at);
    if (depth <= 0) return at;
  }
  return text.length;
}

/**
 * Return where the value of a member of an object begins, or -1. Of several with one name it is the first.
 *
 * @param {string} text the object
 * @param {string} name
 */
export function memberStart(text, name) {
  let at = skipSpace(text, 0) + 1;
  while (at < text.length) {
    const start = skipSpace(text, at);
    if (text[start] !== '"') return -1;
    const end = stringEnd(text, start);
    const value = skipSpace(text, skipSpace(text, end) + 1);
    if (text.slice(start + 1, end - 1) === name) return value;
    at = skipSpace(text, valueEnd(text, value)) + 1;
  }
  return -1;
}

/** Return the text of a member's value, or ''. @param {string} text @param {string} name */
export function memberText(text, name) {
  const start = memberStart(text, name);
  return start < 0 ? '' : text.slice(start, valueEnd(text, start)).trim();
}

/** What is around an index of text inside of a character, or of a picture that is made of several. */
const INSIDE = /^(\u200D|.[\uDC00-\uDFFF\u200D\uFE0F]|.\uD83C[\uDFFB-\uDFFF])/s;

/** Return where a string may be parted, at an index or a little before. @param {string} text @param {number} at */
function seam(text, at) {
  let found = at;
  while (at - found < 16 && INSIDE.test(text.slice(found - 1, found + 2))) found--;
  return found;
}

/**
 * Lay JSON text out with line breaks and indents, in pieces of a kind each: 'key', 'string', 'word' and ''.
 *
 * @param {string} text
 * @returns {Generator<[string, string]>}
 */
function* laidOut(text) {
  let depth = 0;
  const indent = () => '  '.repeat(Math.max(0, Math.min(depth, DEEPEST)));
  for (let at = skipSpace(text, 0); at < text.length;) {
    const end = tokenEnd(text, at);
    const next = skipSpace(text, end);
    const first = text[at];
    if ('{['.includes(first)) {
      const empty = '}]'.includes(text[next] ?? '-');
      yield ['', first + (empty ? text[next] : '\n')];
      if (!empty) (depth++, yield ['', indent()]);
      at = empty ? skipSpace(text, next + 1) : next;
      continue;
    }
    if ('}]'.includes(first)) (depth--, yield ['', '\n'], yield ['', indent() + first]);
    else if (first === ',') (yield ['', ',\n'], yield ['', indent()]);
    else if (first === ':') yield ['', ': '];
    else yield* parts(first !== '"' ? 'word' : text[next] === ':' ? 'key' : 'string', text, at, end);
    at = next;
  }
}

/**
 * @param {string} kind @param {string} text @param {number} start @param {number} end
 * @returns {Generator<[string, string]>}
 */
function* parts(kind, text, start, end) {
  while (end - start > PART) {
    const cut = seam(text, start + PART);
    yield [kind, visible(text.slice(start, cut))];
    start = cut;
  }
  yield [kind, visible(text.slice(start, end))];
}

/** JSON text for people, of which one takes as much at a time as one wants to show. */
export class Layout {
  #rest;
  /** @type {IteratorResult<[string, string]>} */ #ahead;

  /** @param {string} text */
  constructor(text) {
    this.#rest = laidOut(text);
    this.#ahead = this.#rest.next();
  }

  /** Whether all of it was taken. */
  get done() {
    return Boolean(this.#ahead.done);
  }

  /**
   * Return the next pieces, to the end of a line if that is not far.
   *
   * @param {number} limit of characters, which is exceeded by less than twice `PART`
   * @returns {[string, string][]}
   */
  more(limit) {
    /** @type {[string, string][]} */
    const pieces = [];
    let size = 0;
    let ended = false;
    for (; !this.#ahead.done && size <= (ended ? limit : limit + PART); this.#ahead = this.#rest.next()) {
      const [kind, part] = this.#ahead.value;
      ended = part.endsWith('\n');
      size += part.length;
      const last = pieces.at(-1);
      if (last?.[0] === kind) last[1] += part;
      else pieces.push([kind, part]);
    }
    return pieces;
  }
}
