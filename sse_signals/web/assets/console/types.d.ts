// Types that the parts of the console share. Nothing here is served.

import type { Problem } from '../client.js';

export type { Problem };

/** One line of the list: a signal that arrived, or what the hub or the page has to say between two of them. */
export interface Row {
  /** Its number among all that arrived; the log gives it. */
  n: number;
  kind: 'signal' | 'gap' | 'note';
  id: string;
  /** The id after which it comes. */
  before: string;
  /** RFC 3339. */
  time: string;
  /** null for a broadcast. */
  topic: string | null;
  event: string;
  /** As it came: JSON text; of a note a sentence. */
  data: string;
}

/** What an event stream is made of. */
export interface Block {
  id: string;
  event: string;
  data: string;
}

/** The first thing that a stream says. */
export interface Receipt {
  stream: string;
  subject: string | null;
  heartbeat: number;
  topics: string[];
  recovered?: boolean;
  expiresAt?: string;
}

export type Status = 'connecting' | 'open' | 'waiting' | 'closed';

/** How a connection is, or how the last one ended. */
export interface State {
  status: Status;
  /** A short name of the cause. */
  reason?: string;
  problem?: Problem;
  /** When it will try again, in milliseconds since 1970-01-01 UTC. */
  until?: number;
  receipt?: Receipt;
}

/** What to connect with. */
export interface Wish {
  /** The hub, with its prefix and without a slash at the end. */
  url: string;
  /** None is everything. */
  topics: string[];
  /** '' is live; else what `since=` takes. */
  since: string;
  /** The id to go on after, which outranks it. */
  after?: string;
  /** '' is none. It stays in memory. */
  token: string;
}

/** The topic of a stream's canary; or '', and why there is none. */
export interface Perch {
  topic: string;
  why: string;
}

/** A value that was measured. */
export interface Point {
  /** Milliseconds of any clock that only grows. */
  at: number;
  value: number;
}

export interface Summary {
  /** When the last was measured. */
  at: number;
  last: number;
  least: number;
  most: number;
}

/** One node, as `GET /streams` tells of it. */
export interface NodeTotals {
  node: string;
  /** Milliseconds since 1970-01-01 UTC. */
  time: number;
  started: string;
  state: string;
  open: number;
  behind: number;
  opened: number;
  closed: number;
  refused: number;
  signals: number;
  delivered: number;
  bytes: number;
}

/** One stream, as `GET /streams` tells of it: what is absent is '' or NaN. */
export interface StreamRow {
  stream: string;
  /** Whether it is that of the page. */
  own?: boolean;
  node: string;
  subject: string;
  remote: string;
  topics: string;
  state: string;
  reason: string;
  closed: string;
  /** Records that it has still to pass. */
  lag: number;
  /** Seconds since the oldest of them was published. */
  lagSeconds: number;
  /** Seconds. */
  age: number;
  delivered: number;
  bytes: number;
  buffered: number;
}

export interface Overview {
  node: string;
  incomplete: string;
  nodes: NodeTotals[];
  streams: StreamRow[];
  closed: StreamRow[];
}

/** One column of a table. */
export interface Column<T> {
  name: string;
  title: string;
  /** What it is sorted by. */
  value: (row: T) => string | number;
  /** What it shows. */
  text: (row: T) => string;
}
