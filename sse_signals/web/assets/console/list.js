/** The list of signals: elements only for what can be seen, and at most one change of the page for each frame. */

import { arrange, make, part, say } from './dom.js';
import { memberStart } from './json.js';
import { clock, count, gap, visible } from './words.js';

/** @import { Log } from './log.js' */
/** @import { Row } from './types.js' */

/** Rows that are made beyond each edge of what can be seen. */
const MARGIN = 4;
/** Milliseconds between two drawings of what arrives: nobody reads faster, and it is most of what the page does. */
const CALM = 50;
/** Characters of a message that a row shows. */
const PREVIEW = 300;

/** @typedef {{ element: HTMLElement, cells: HTMLElement[], index: number, of: number, row?: Row }} Line */
/** @typedef {'move' | 'click' | 'enter'} How */

export class List {
  #log;
  #choose;
  #drawn;
  #box = part('rows', HTMLElement);
  #sizer = part('sizer', HTMLElement);
  /** @type {Line[]} */ #lines = [];
  #asked = false;
  /** When what arrived was drawn last, and what will draw it. */
  #drawnAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #calm;
  #height = 28;
  #view = 0;
  /** How many rows there were when it was drawn: since then more may have come. */
  #drawnLength = 0;
  /** The row at the upper edge, and how far it is beyond that. */
  #anchor = { n: 0, by: 0 };
  /** @type {Row | undefined} */ chosen;
  /** Whether the newest stays in sight. */
  following = true;
  newestOnTop = false;

  /**
   * @param {Log} log
   * @param {(row: Row, how: How) => void} choose is called with the row that was chosen; 'enter' is to go to it
   * @param {() => void} drawn is called when it was drawn
   */
  constructor(log, choose, drawn) {
    this.#log = log;
    this.#choose = choose;
    this.#drawn = drawn;
    this.#box.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.#box.addEventListener('keydown', (event) => this.#key(event));
    this.#box.addEventListener('click', ({ target }) => {
      const line = this.#lines.find(({ element }) => target instanceof Node && element.contains(target));
      if (line?.row) this.choose(line.row, 'click');
    });
    new ResizeObserver(() => {
      this.#view = this.#box.clientHeight;
      this.#height = parseFloat(getComputedStyle(this.#box).getPropertyValue('--row')) || 28;
      this.draw();
    }).observe(this.#box);
  }

  /** Draw it with the next frame. */
  draw() {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#draw();
    });
  }

  /** Draw soon what has arrived. */
  arrived() {
    this.#calm ??= setTimeout(() => {
      this.#calm = undefined;
      this.draw();
    }, this.#drawnAt + CALM - performance.now());
  }

  /** @param {boolean} on */
  follow(on) {
    this.following = on;
    this.draw();
  }

  /** @param {Row} row @param {How} how */
  choose(row, how) {
    this.chosen = row;
    this.#choose(row, how);
    this.draw();
  }

  /** @param {number} index from above @returns {Row | undefined} */
  #at(index) {
    const { shown } = this.#log;
    return shown.at(this.newestOnTop ? shown.length - 1 - index : index);
  }

  /** @param {number} n of a row @returns {number} its index from above */
  #index(n) {
    const place = Math.min(this.#log.place(n), this.#log.shown.length - 1);
    return this.newestOnTop ? this.#log.shown.length - 1 - place : place;
  }

  #scrolled() {
    const { scrollTop } = this.#box;
    const rest = this.newestOnTop ? scrollTop : this.#drawnLength * this.#height - this.#view - scrollTop;
    this.following = rest < this.#height / 2;
    const index = Math.floor(scrollTop / this.#height);
    const row = this.#lines.find((line) => line.row && line.index === index)?.row ?? this.#at(index);
    this.#anchor = { n: row?.n ?? 0, by: scrollTop - index * this.#height };
    this.draw();
  }

  #draw() {
    const { length } = this.#log.shown;
    const height = this.#height;
    this.#drawnAt = performance.now();
    this.#drawnLength = length;
    this.#sizer.style.height = `${length * height}px`;
    const end = Math.max(0, length * height - this.#view);
    let top = Math.min(end, Math.max(0, this.#index(this.#anchor.n) * height + this.#anchor.by));
    if (this.following) top = this.newestOnTop ? 0 : end;
    if (Math.abs(this.#box.scrollTop - top) >= 1) this.#box.scrollTop = top;
    const edge = Math.floor(top / height);
    this.#anchor = { n: this.#at(edge)?.n ?? 0, by: top - edge * height };
    const first = Math.max(0, edge - MARGIN);
    const last = Math.min(length, Math.ceil((top + this.#view) / height) + MARGIN);
    while (this.#lines.length < last - first) this.#add();
    /** @type {Set<Line>} */
    const used = new Set();
    for (let index = first; index < last; index++) {
      const line = this.#lines[this.#own(index) % this.#lines.length];
      used.add(line);
      this.#fill(line, /** @type {Row} */ (this.#at(index)), index, length);
    }
    const elements = [...used].map(({ element }) => element);
    arrange(this.#sizer, elements, this.newestOnTop);
    for (const line of this.#lines) {
      if (used.has(line)) continue;
      line.row = undefined;
      line.element.hidden = true;
    }
    const active = this.#lines.find(({ row }) => row && row === this.chosen);
    if (active) this.#box.setAttribute('aria-activedescendant', active.element.id);
    else this.#box.removeAttribute('aria-activedescendant');
    this.#drawn();
  }

  /** Return a number that a row keeps, so that what shows it need not change. @param {number} index from above */
  #own(index) {
    const { shown } = this.#log;
    return shown.gone + (this.newestOnTop ? shown.length - 1 - index : index);
  }

  #add() {
    const cells = ['time', 'topic', 'event', 'message'].map((name) => make('span', { class: name }));
    const id = `row-${this.#lines.length}`;
    const element = make('div', { class: 'row', role: 'option', id }, ...cells);
    this.#sizer.append(element);
    this.#lines.push({ element, cells, index: -1, of: -1 });
  }

  /** @param {Line} line @param {Row} row @param {number} index @param {number} length */
  #fill(line, row, index, length) {
    const { element, cells } = line;
    element.hidden = false;
    if (line.index !== index) element.ariaPosInSet = `${index + 1}`;
    if (line.of !== length) element.ariaSetSize = `${length}`;
    line.index = index;
    line.of = length;
    element.style.transform = `translateY(${index * this.#height}px)`;
    element.ariaSelected = `${row === this.chosen}`;
    if (line.row === row) return;
    line.row = row;
    element.dataset.kind = row.kind;
    texts(row).forEach((text, n) => say(cells[n], text));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { length } = this.#log.shown;
    if (!length || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Enter' && this.chosen) return this.#choose(this.chosen, 'enter');
    const page = Math.max(1, Math.floor(this.#view / this.#height) - 1);
    const from = this.chosen ? this.#index(this.chosen.n) : this.newestOnTop ? -1 : length;
    /** @type {Record<string, number>} */
    const targets = {
      ArrowDown: from + 1,
      ArrowUp: from - 1,
      PageDown: from + page,
      PageUp: from - page,
      Home: 0,
      End: length - 1,
    };
    if (!Object.hasOwn(targets, event.key)) return;
    event.preventDefault();
    const index = Math.max(0, Math.min(length - 1, targets[event.key]));
    this.#show(index);
    this.choose(/** @type {Row} */ (this.#at(index)), 'move');
  }

  /** Scroll as little as it takes to see a row. @param {number} index */
  #show(index) {
    const above = index * this.#height;
    const below = above + this.#height - this.#view;
    const top = Math.max(below, Math.min(above, this.#box.scrollTop));
    if (top === this.#box.scrollTop && this.following) return;
    this.#box.scrollTop = top;
    this.#scrolled();
  }
}

/** What the cells of a row say. @param {Row} row @returns {string[]} */
function texts({ kind, time, topic, event, data }) {
  if (kind === 'gap') return [clock(time), '', 'gap', gap(data)];
  if (kind === 'note') return [clock(time), '', '', visible(data)];
  const start = memberStart(data, 'message');
  const message = start < 0 ? data.slice(0, PREVIEW) : data.slice(start, start + PREVIEW + 1);
  const whole = start >= 0 && message.length <= PREVIEW;
  return [
    clock(time),
    topic === null ? '(broadcast)' : visible(topic),
    event === 'message' ? '' : visible(event),
    visible(whole ? message.slice(0, -1) : message), // without the brace that ends what is around it
  ];
}

/** Say how many there are. @param {Log} log @param {boolean} filtered */
export function tally(log, filtered) {
  const parts = [`${count(log.total)} received`];
  if (log.held < log.total - log.waiting) parts.push(`the newest ${count(log.held)} are held`);
  if (filtered) parts.push(`${count(log.signals)} shown`);
  if (log.paused) parts.push(`${count(log.waiting)} wait`);
  return parts.join(' · ');
}
