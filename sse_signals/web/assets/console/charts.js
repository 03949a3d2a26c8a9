/** Four small charts, each with its values in words. */

import { make, part, say } from './dom.js';
import { asOf, ceiling, paths, Series } from './series.js';
import { bytes, count, latency } from './words.js';

const SVG = 'http://www.w3.org/2000/svg';
const FRAME = { width: 240, height: 56 };

/** @param {string} tag @param {Record<string, string>} attributes */
function draw(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

export class Chart {
  series = new Series();
  #title;
  #format;
  #unit;
  #now = make('output', { class: 'now' }, '–');
  #range = make('p', { class: 'range' }, 'No value yet.');
  #top = make('span', { class: 'top', 'aria-hidden': 'true' });
  #area = draw('path', { class: 'area' });
  #line = draw('path', { class: 'curve' });
  #picture = draw('svg', {
    viewBox: `0 0 ${FRAME.width} ${FRAME.height}`,
    preserveAspectRatio: 'none',
    role: 'img',
  });
  #note = '';
  element;

  /**
   * @param {string} title
   * @param {(value: number) => string} format
   * @param {number} unit what round numbers are multiples of
   * @param {...Node} more what stands beside the title
   */
  constructor(title, format, unit, ...more) {
    this.#title = title;
    this.#format = format;
    this.#unit = unit;
    this.#picture.append(this.#area, this.#line);
    // Not announced: it changes each second.
    this.#now.setAttribute('aria-live', 'off');
    const head = make('div', { class: 'head' }, make('h2', {}, title), ...more);
    this.element = make(
      'div',
      { class: 'chart' },
      head,
      this.#now,
      make('div', { class: 'frame' }, this.#picture, this.#top),
      this.#range,
    );
    this.draw(0);
  }

  /** Say why there is no value; '' when there is one. @param {string} text */
  note(text) {
    this.#note = text;
  }

  /** @param {number} now milliseconds of the clock of the values */
  draw(now) {
    const summary = this.series.summary(now);
    const top = ceiling(summary?.most ?? 0, this.#unit);
    const { line, area } = paths(this.series.points(now), { ...FRAME, now, top });
    this.#line.setAttribute('d', line);
    this.#area.setAttribute('d', area);
    const format = this.#format;
    say(this.#now, summary ? format(summary.last) : '–');
    say(this.#top, summary ? format(top) : '');
    const old = summary ? asOf(now - summary.at, Date.now()) : '';
    this.element.classList.toggle('old', old !== '');
    const seen = summary ? `${format(summary.least)} to ${format(summary.most)} in 2 min` : 'No value yet.';
    const range = old ? `As of ${old} UTC.` : seen;
    say(this.#range, this.#note || range);
    this.#range.classList.toggle('noted', this.#note !== '');
    const when = old ? `at ${old} UTC` : 'now';
    const words = summary
      ? `${when} ${format(summary.last)}, least ${format(summary.least)}, most ${format(summary.most)}`
      : 'no value yet';
    this.#picture.setAttribute('aria-label', `${this.#title}, the last two minutes: ${words}. ${this.#note}`.trim());
  }
}

/** The charts of the page, and the switch of the canary. */
export class Charts {
  canarySwitch = make('input', { type: 'checkbox', id: 'canary' });
  signals = new Chart('Signals per second', count, 10);
  streams = new Chart('Open streams', count, 10);
  bytes = new Chart('Bytes per second', bytes, 1024);
  latency = new Chart('Latency', latency, 10, make('label', { class: 'inline' }, this.canarySwitch, ' Canary'));

  constructor() {
    this.canarySwitch.checked = true;
    this.canarySwitch.title =
      'Publishes a small signal to a topic of its own every 2 s, and times how long it takes to come back.';
    const all = [this.signals, this.streams, this.bytes, this.latency];
    part('charts', HTMLElement).append(...all.map(({ element }) => element));
  }

  draw() {
    const now = performance.now();
    for (const chart of [this.signals, this.streams, this.bytes, this.latency]) chart.draw(now);
  }

  clear() {
    for (const chart of [this.signals, this.streams, this.bytes, this.latency]) {
      chart.series.clear();
      chart.note('');
    }
  }
}
