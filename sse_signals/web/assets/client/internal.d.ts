// Types that the parts of the browser module share. Nothing here is served.

import type { Problem, Status, StatusDetail } from '../client.js';
import type { Tokens } from './token.js';

/** What an event stream is made of, as an EventSource would dispatch it. */
export interface Block {
  id: string;
  event: string;
  data: string;
}

/** How a connection has ended. */
export interface End {
  reason: string;
  problem?: Problem;
  /** Milliseconds until the next one; without it that is backed off. */
  wait?: number;
  /** Milliseconds until the next one at least. */
  after?: number;
  /** Nothing will change by itself. */
  lasting?: boolean;
  /** It is for the sake of topics: nothing is lost by it, and nobody need know. */
  quiet?: boolean;
  /** There is no good token by now. */
  denied?: boolean;
}

/** Whom a stream serves. */
export interface Host {
  url: string;
  credentials: RequestCredentials;
  tokens: Tokens;
  /** Where to resume. */
  lastId(): string;
  /** What to ask for. */
  topics(): string[];
  /** There is a token: go on when this is done; true: only to read all that there is by now. */
  enter(): Promise<boolean> | undefined;
  /** It has read that. */
  caughtUp(): void;
  opened(receipt: { subject: string | null }, asked: string[] | undefined, id: string, poll?: boolean): void;
  /** There is an event, a gap, a heartbeat or the receipt. */
  take(block: Block): void;
  /** Quiet: unless it is open, since then it goes on as if it were. */
  tell(status: Status, detail: StatusDetail, quiet?: boolean): void;
  refused(topic: string, problem: Problem): void;
  /** It has no good token, or is refused for good: it must not keep others from listening. */
  leave(): void;
  /** There is nothing to ask for. */
  idle(): void;
}

/** What a leader says of its stream. */
export interface State {
  status: Status;
  detail: StatusDetail;
  asked: string[] | undefined;
  refused: [string, Problem][];
  /** The id of the block that it has sent last. */
  at: string;
}

/** What tabs say to each other. `n` is the number of the block that the leader has sent last. */
export type Want = { t: 'want'; tab: string; topics: string[]; ask?: boolean };
export type Told = { t: 'state'; term: number; n: number; tabs: string[] } & State;
export type Sent = { t: 'block'; term: number; n: number; block: Block };

/** What a tab can do for its part in sharing. */
export interface Tab {
  /** What it wants itself. */
  topics(): string[];
  /** What it says of its stream, if it leads. */
  state(): State;
  follow(state: State): void;
  /** Whether the leader's open stream brings all it wants. */
  covered(): boolean;
  /** Whether it has had all up to this id. */
  has(id: string): boolean;
  take(block: Block): void;
  /** The token of the leader's stream is about to expire: see that this tab shows its own anew. */
  expiring(): void;
  /** What others want has changed. */
  changed(): void;
  /** It leads, and has no stream yet. */
  leads(): void;
  /** It leads no more; or it never can, since there is no such thing here. */
  lost(broken: boolean): void;
}
