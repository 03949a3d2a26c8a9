/** The tables of who is connected, and who no longer is. */

import { part, say } from './dom.js';
import { openStreams } from './overview.js';
import { Table } from './table.js';
import { bytes, clock, count, duration } from './words.js';

/** @import { Column, NodeTotals, Overview, StreamRow } from './types.js' */

/**
 * @template T
 * @param {string} name
 * @param {string} title
 * @param {(row: T) => string | number} value
 * @param {(row: T) => string} [text]
 * @returns {Column<T>}
 */
const column = (name, title, value, text = (row) => `${value(row)}`) => ({ name, title, value, text });

/** @type {Column<StreamRow>[]} */
const WHO = [
  column(
    'stream',
    'Stream',
    (row) => row.stream,
    (row) => `${row.stream}${row.own ? ' (this page)' : ''}`,
  ),
  column(
    'subject',
    'Subject',
    (row) => row.subject,
    (row) => row.subject || 'anonymous',
  ),
  column('topics', 'Topics', (row) => row.topics),
  column('remote', 'From', (row) => row.remote),
];
/** @type {Column<StreamRow>[]} */
const MUCH = [
  column(
    'age',
    'Age',
    (row) => row.age,
    (row) => duration(row.age),
  ),
  column(
    'delivered',
    'Delivered',
    (row) => row.delivered,
    (row) => count(row.delivered),
  ),
  column(
    'bytes',
    'Bytes',
    (row) => row.bytes,
    (row) => bytes(row.bytes),
  ),
];
/** @type {Column<StreamRow>[]} */
const OPEN = [
  ...WHO,
  column('state', 'State', (row) => row.state),
  column(
    'lag',
    'Lag',
    (row) => row.lag,
    (row) => (row.lag > 0 ? `${count(row.lag)}, ${duration(row.lagSeconds)}` : 'none'),
  ),
  ...MUCH,
];
/** @type {Column<StreamRow>[]} */
const CLOSED = [
  column(
    'closed',
    'Closed (UTC)',
    (row) => row.closed,
    (row) => clock(row.closed),
  ),
  column('reason', 'Reason', (row) => row.reason),
  ...WHO,
  ...MUCH,
];
/** @type {Column<NodeTotals>[]} */
const NODES = [
  column('node', 'Node', (row) => row.node),
  column('state', 'State', (row) => row.state),
  column(
    'open',
    'Open',
    (row) => row.open,
    (row) => count(row.open),
  ),
  column(
    'behind',
    'Behind',
    (row) => row.behind,
    (row) => count(row.behind),
  ),
  column(
    'opened',
    'Opened',
    (row) => row.opened,
    (row) => count(row.opened),
  ),
  column(
    'closed',
    'Closed',
    (row) => row.closed,
    (row) => count(row.closed),
  ),
  column(
    'refused',
    'Refused',
    (row) => row.refused,
    (row) => count(row.refused),
  ),
  column(
    'signals',
    'Signals',
    (row) => row.signals,
    (row) => count(row.signals),
  ),
  column(
    'delivered',
    'Delivered',
    (row) => row.delivered,
    (row) => count(row.delivered),
  ),
  column(
    'bytes',
    'Bytes',
    (row) => row.bytes,
    (row) => bytes(row.bytes),
  ),
];

export class StreamTables {
  #note = part('streams-note', HTMLElement);
  #tab = part('tab-streams', HTMLElement);
  #place = part('tables', HTMLElement);
  /** When the tables were true, in UTC; '' while there are none. */
  #asOf = '';
  /** @type {Table<NodeTotals>} */ #nodes = new Table('Nodes', NODES, 'node', false);
  /** @type {Table<StreamRow>} */ #open = new Table('Open streams', OPEN, 'lag', true);
  /** @type {Table<StreamRow>} */ #closed = new Table('Closed lately', CLOSED, 'closed', true);

  /** @param {Overview} overview @param {string} own the stream of this page */
  show(overview, own) {
    const { nodes, streams, closed, incomplete } = overview;
    const open = openStreams(overview);
    if (!this.#place.hasChildNodes()) this.#place.append(this.#nodes.element, this.#open.element, this.#closed.element);
    this.#place.classList.remove('old');
    this.#asOf = new Date().toISOString().slice(11, 19);
    say(this.#tab, `Streams (${count(open)})`);
    const some =
      streams.length < open ? `The slowest ${count(streams.length)} of ${count(open)} open streams are listed.` : '';
    say(this.#note, [some, incomplete].filter(Boolean).join(' '));
    this.#nodes.element.hidden = nodes.length < 2;
    this.#closed.element.hidden = closed.length === 0;
    this.#nodes.show(nodes);
    this.#open.show(streams.map((row) => ({ ...row, own: row.stream === own })));
    this.#closed.show(closed);
  }

  /** Keep what was seen last, and say why it is not of now. @param {string} text */
  old(text) {
    this.#place.classList.add('old');
    say(this.#tab, 'Streams');
    say(this.#note, this.#asOf ? `As of ${this.#asOf} UTC; not answered since: ${text}` : text);
  }

  /** Show nothing, and say why. @param {string} text */
  without(text) {
    this.#asOf = '';
    this.#place.replaceChildren();
    this.old(text);
  }
}
