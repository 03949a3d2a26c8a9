/** Measured values of the last two minutes, and how they are drawn. */

import { Ring } from './ring.js';

/** @import { Point, Summary } from './types.js' */

/** Milliseconds that a chart shows. */
export const WINDOW = 120e3;
/** Milliseconds without a value after which the line is broken: nobody looked meanwhile. */
const PAUSE = 7e3;

/**
 * Return the time of day in UTC of a value that no longer is that of now, or ''.
 *
 * @param {number} age milliseconds
 * @param {number} time the time now, in milliseconds since 1970-01-01 UTC
 */
export function asOf(age, time) {
  return age > PAUSE ? new Date(time - age).toISOString().slice(11, 19) : '';
}

export class Series {
  /** @type {Ring<Point>} */ #points = new Ring(256);

  /** @param {number} at milliseconds of a clock that only grows @param {number} value */
  add(at, value) {
    if (Number.isFinite(value)) this.#points.push({ at, value });
  }

  clear() {
    this.#points.clear();
  }

  /** Return what the window holds. @param {number} now @returns {Point[]} */
  points(now) {
    while (/** @type {Point} */ (this.#points.at(0) ?? { at: now }).at < now - WINDOW) this.#points.shift();
    return [...this.#points];
  }

  /** @param {number} now @returns {Summary | undefined} */
  summary(now) {
    const points = this.points(now);
    const last = points.at(-1);
    if (!last) return undefined;
    const values = points.map(({ value }) => value);
    return { at: last.at, last: last.value, least: Math.min(...values), most: Math.max(...values) };
  }
}

/**
 * Return a round number for the upper edge of a chart, a little above a value: 1, 2 or 5, times a power of ten.
 *
 * @param {number} value
 * @param {number} [unit] what units are multiples of: 1024 for bytes, so that those are round too
 */
export function ceiling(value, unit = 10) {
  const wanted = value * 1.05;
  if (!(wanted > 1)) return 1;
  const base = unit ** Math.floor(Math.log(wanted) / Math.log(unit));
  const power = base * 10 ** Math.floor(Math.log10(wanted / base));
  return /** @type {number} */ ([1, 2, 5, 10].find((step) => step * power >= wanted)) * power;
}

/**
 * Return the paths of a line and of the area below it.
 *
 * @param {Point[]} points
 * @param {{ now: number, top: number, width: number, height: number }} frame
 */
export function paths(points, { now, top, width, height }) {
  /** @type {Point[][]} */
  const runs = [];
  for (const point of points) {
    const run = runs.at(-1);
    if (run && point.at - /** @type {Point} */ (run.at(-1)).at <= PAUSE) run.push(point);
    else runs.push([point]);
  }
  /** @param {Point} point */
  const x = ({ at }) => (width * (1 - (now - at) / WINDOW)).toFixed(1);
  /** @param {Point} point */
  const y = ({ value }) => (height * (1 - Math.min(1, value / top))).toFixed(1);
  const lines = runs.map((run) => `M${run.map((point) => `${x(point)} ${y(point)}`).join('L')}`);
  const areas = runs.map(
    (run, n) => `${lines[n]}L${x(/** @type {Point} */ (run.at(-1)))} ${height}L${x(run[0])} ${height}Z`,
  );
  return { line: lines.join(''), area: areas.join('') };
}
