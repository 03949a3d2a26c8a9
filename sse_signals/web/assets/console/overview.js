/** What `GET /streams` answers: it is read strictly, since a hub of another version may say something else. */

import { isCanary } from './canary.js';
import { visible } from './words.js';

/** @import { NodeTotals, Overview, StreamRow } from './types.js' */

/** @param {any} value @returns {string} */
const text = (value) => (typeof value === 'string' ? visible(value.slice(0, 300)) : '');
/** @param {any} value @returns {number} */
const number = (value) => (typeof value === 'number' ? value : NaN);
/** @param {any} value @returns {any[]} */
const list = (value) => (Array.isArray(value) ? value.slice(0, 1000) : []);
/** @param {any} value @returns {Record<string, any>} */
const members = (value) => (typeof value === 'object' && value !== null ? value : {});
/** @param {any} value @returns {number} */
const sum = (value) => Object.values(members(value)).reduce((total, one) => total + (number(one) || 0), 0);

/** @param {any} document the answer, parsed @returns {Overview} */
export function read(document) {
  const { node, nodes, streams, closed, incomplete } = members(document);
  return {
    node: text(node),
    incomplete: text(incomplete),
    nodes: list(nodes).map(readNode),
    streams: list(streams).map(readStream),
    closed: list(closed).map(readStream),
  };
}

/** @param {any} one @returns {NodeTotals} */
function readNode(one) {
  const { node, time, started, ready, draining, streams, traffic } = members(one);
  const { open, behind, opened, closed, refused } = members(streams);
  const { signals, delivered, bytes } = members(traffic);
  return {
    node: text(node),
    time: Date.parse(text(time)),
    started: text(started),
    state: draining === true ? 'draining' : ready === true ? 'ready' : 'not ready',
    ...{
      open: number(open),
      behind: number(behind),
      opened: number(opened),
      closed: sum(closed),
      refused: sum(refused),
    },
    ...{ signals: number(signals), delivered: number(delivered), bytes: number(bytes) },
  };
}

/** @param {any} one @returns {StreamRow} */
function readStream(one) {
  const stream = members(one);
  const more = number(stream.moreTopics) > 0 ? [`and ${number(stream.moreTopics)} more`] : [];
  const lag = members(stream.lag);
  const topics = list(stream.topics).slice(0, 8).map(text);
  return {
    stream: text(stream.stream),
    node: text(stream.node),
    subject: text(stream.subject),
    remote: text(stream.remote),
    topics: [...topics.map((topic) => (isCanary(topic) ? '(canary)' : topic)), ...more].join(', '),
    state: text(stream.state),
    reason: text(stream.reason),
    closed: text(stream.closed),
    lag: number(lag.records),
    lagSeconds: number(lag.seconds),
    age: number(stream.age),
    delivered: number(stream.delivered),
    bytes: number(stream.bytes),
    buffered: number(stream.buffered),
  };
}

/** Return how many streams all nodes have open. @param {Overview} overview */
export function openStreams({ nodes }) {
  return nodes.reduce((total, { open }) => total + (open || 0), 0);
}

/**
 * Return the bytes per second that all nodes write, or NaN where nobody can tell: a rate needs two counts of a node.
 *
 * @param {Overview | undefined} before
 * @param {Overview} now
 */
export function byteRate(before, now) {
  const rates = now.nodes.flatMap((node) => {
    // A node that was started again counts from nothing.
    const old = before?.nodes.find((one) => one.node === node.node && one.started === node.started);
    const seconds = old ? (node.time - old.time) / 1000 : 0;
    return old && seconds > 0 ? [Math.max(0, (node.bytes - old.bytes) / seconds)] : [];
  });
  return rates.length ? rates.reduce((total, rate) => total + rate, 0) : NaN;
}

/**
 * Return rows in the order of a column; those without a value come last.
 *
 * @template T
 * @param {T[]} rows
 * @param {import('./types.js').Column<T>} column
 * @param {boolean} descending
 */
export function sorted(rows, { value }, descending) {
  /** @param {T} row */
  const missing = (row) => [value(row)].some((one) => one === '' || Number.isNaN(one));
  return [...rows].sort((a, b) => {
    if (missing(a) || missing(b)) return Number(missing(a)) - Number(missing(b));
    const [x, y] = [value(a), value(b)];
    const order = typeof x === 'number' && typeof y === 'number' ? x - y : `${x}`.localeCompare(`${y}`, 'en');
    return descending ? -order : order;
  });
}
