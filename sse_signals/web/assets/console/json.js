/**
 * JSON as text. Nothing is parsed and written again: what is shown or copied has the digits of every number and the
 * order of all members as they were published.
 */

import { visible } from './words.js';

/** Levels that are indented further. Hubs take 32; something else may send more. */
const DEEPEST = 40;

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

/**
 * Return JSON text with line breaks and indents, in pieces of a kind each: 'key', 'string', 'word' and ''.
 *
 * @param {string} text
 * @param {number} limit of characters; what is beyond is left out
 * @returns {{ pieces: [string, string][], cut: boolean }}
 */
export function pretty(text, limit) {
  /** @type {[string, string][]} */
  const pieces = [];
  let depth = 0;
  let size = 0;
  /** @param {string} kind @param {string} part */
  const add = (kind, part) => {
    size += part.length;
    const last = pieces.at(-1);
    if (last?.[0] === kind) last[1] += part;
    else pieces.push([kind, part]);
  };
  const line = () => add('', `\n${'  '.repeat(Math.max(0, Math.min(depth, DEEPEST)))}`);
  for (let at = skipSpace(text, 0); at < text.length;) {
    if (size > limit) return { pieces, cut: true };
    const end = tokenEnd(text, at);
    const token = text.slice(at, Math.min(end, at + limit));
    const next = skipSpace(text, end);
    if ('{['.includes(token)) {
      const empty = '}]'.includes(text[next] ?? '-');
      add('', empty ? token + text[next] : token);
      if (!empty) (depth++, line());
      at = empty ? skipSpace(text, next + 1) : next;
      continue;
    }
    if ('}]'.includes(token)) (depth--, line(), add('', token));
    else if (token === ',') (add('', token), line());
    else if (token === ':') add('', ': ');
    else add(token[0] !== '"' ? 'word' : text[next] === ':' ? 'key' : 'string', visible(token));
    if (end - at > token.length) return { pieces, cut: true };
    at = next;
  }
  return { pieces, cut: false };
}
