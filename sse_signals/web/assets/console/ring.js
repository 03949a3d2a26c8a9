/** A queue of bounded length, which lets its oldest go. */

/** @template T */
export class Ring {
  /** @type {(T | undefined)[]} */ #slots;
  #first = 0;
  length = 0;
  /** How many it has let go: with an index it makes a number that stays an item's own. */
  gone = 0;

  /** @param {number} capacity how many it holds at most */
  constructor(capacity) {
    this.#slots = new Array(capacity).fill(undefined);
  }

  get full() {
    return this.length === this.#slots.length;
  }

  /** @param {T} item the newest; in a full ring the oldest goes */
  push(item) {
    if (this.full) this.shift();
    this.#slots[(this.#first + this.length) % this.#slots.length] = item;
    this.length++;
  }

  /** Let the oldest go, and return it. @returns {T | undefined} */
  shift() {
    if (!this.length) return undefined;
    const item = this.#slots[this.#first];
    this.#slots[this.#first] = undefined;
    this.#first = (this.#first + 1) % this.#slots.length;
    this.length--;
    this.gone++;
    return item;
  }

  /** @param {number} index from the oldest, which is 0 @returns {T | undefined} */
  at(index) {
    return index >= 0 && index < this.length ? this.#slots[(this.#first + index) % this.#slots.length] : undefined;
  }

  clear() {
    this.#slots.fill(undefined);
    this.#first = this.length = 0;
  }

  *[Symbol.iterator]() {
    for (let index = 0; index < this.length; index++) yield /** @type {T} */ (this.at(index));
  }
}
