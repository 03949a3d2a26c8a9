/** The signals that the page holds, and those of them that it shows. Both are bounded. */

import { memberStart } from './json.js';
import { Ring } from './ring.js';

/** @import { Row } from './types.js' */

/** Rows, and characters of them, that are held at most; as much again while it is paused. */
export const ROWS = 5000;
export const CHARACTERS = 8 * 2 ** 20;
/** Characters that a row costs besides its data. */
const REST = 200;

/** The newest rows, bounded in number and characters. */
class Shelf {
  /** @type {Ring<Row>} */ rows;
  #characters = 0;
  #most;

  /** @param {number} rows @param {number} characters */
  constructor(rows, characters) {
    this.rows = new Ring(rows);
    this.#most = characters;
  }

  /** @param {Row} row @returns {number} how many had to go */
  push(row) {
    let gone = 0;
    this.#characters += row.data.length + REST;
    while (this.rows.length && (this.rows.full || this.#characters > this.#most)) {
      const { data } = /** @type {Row} */ (this.rows.shift());
      this.#characters -= data.length + REST;
      gone++;
    }
    this.rows.push(row);
    return gone;
  }
}

export class Log {
  #most;
  /** @type {Shelf} */ #held;
  /** What waits while it is paused. @type {Shelf | undefined} */ #waiting;
  /** @type {RegExp | undefined} */ #wanted;
  /** Those that pass the filter, oldest first. @type {Ring<Row>} */ shown;
  /** How many signals have come since it was last empty. */
  total = 0;
  /** How many wait while it is paused. */
  waiting = 0;
  #n = 0;
  /** How many gaps and notes are shown. */
  #others = 0;

  /** @param {number} [rows] @param {number} [characters] */
  constructor(rows = ROWS, characters = CHARACTERS) {
    this.#most = /** @type {[number, number]} */ ([rows, characters]);
    this.#held = new Shelf(...this.#most);
    this.shown = new Ring(rows);
  }

  get paused() {
    return this.#waiting !== undefined;
  }

  /** Rows that are held, shown or not. */
  get held() {
    return this.#held.rows.length;
  }

  /** How many of those that pass the filter are signals, and not what is said between them. */
  get signals() {
    return this.shown.length - this.#others;
  }

  /** @param {Omit<Row, 'n'>} row */
  push(row) {
    const numbered = { ...row, n: ++this.#n };
    if (row.kind === 'signal') this.total++;
    if (!this.#waiting) return this.#show(numbered);
    this.waiting++;
    this.#waiting.push(numbered);
  }

  /** @param {Row} row */
  #show(row) {
    this.#held.push(row);
    const oldest = this.#held.rows.at(0)?.n ?? 0;
    for (let first = this.shown.at(0); first && first.n < oldest; first = this.shown.at(0)) {
      this.shown.shift();
      if (first.kind !== 'signal') this.#others--;
    }
    this.#pass(row);
  }

  /** @param {Row} row */
  #pass(row) {
    if (!passes(row, this.#wanted)) return;
    this.shown.push(row);
    if (row.kind !== 'signal') this.#others++;
  }

  /** What comes is held back until `resume`. */
  pause() {
    this.#waiting ??= new Shelf(...this.#most);
  }

  resume() {
    const rows = this.#waiting?.rows ?? [];
    this.#waiting = undefined;
    this.waiting = 0;
    for (const row of rows) this.#show(row);
  }

  /** Show only what has a text in its topic, event or message. @param {string} text */
  filter(text) {
    this.#wanted = wanted(text);
    this.shown.clear();
    this.#others = 0;
    for (const row of this.#held.rows) this.#pass(row);
  }

  clear() {
    this.#held = new Shelf(...this.#most);
    if (this.#waiting) this.#waiting = new Shelf(...this.#most);
    this.shown.clear();
    this.total = this.waiting = this.#others = 0;
  }

  /** Return the place of a row among those that are shown, or of the next after it. @param {number} n */
  place(n) {
    let low = 0;
    let high = this.shown.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (/** @type {Row} */ (this.shown.at(middle)).n < n) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** @param {string} text */
const literal = (text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

/** Return what finds a text, and the same text as it is written in JSON. @param {string} text */
function wanted(text) {
  const trimmed = text.trim();
  if (!trimmed) return undefined;
  return new RegExp(`${literal(trimmed)}|${literal(JSON.stringify(trimmed).slice(1, -1))}`, 'iu');
}

/** @param {Row} row @param {RegExp | undefined} pattern */
function passes({ kind, topic, event, data }, pattern) {
  if (!pattern || kind !== 'signal') return true; // a gap is never hidden
  return (
    pattern.test(topic ?? '') ||
    pattern.test(event) ||
    pattern.test(data.slice(Math.max(0, memberStart(data, 'message'))))
  );
}
