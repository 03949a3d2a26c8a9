/* eslint-disable */
// The hub's browser module, copied by deploy/backstage/update_client.py: do not edit.
/** A signal, as a subscriber gets it. */
export interface SignalEvent {
  /** The id to resume after. Ids are compared for equality only: their form may change. */
  readonly id: string;
  /** Where it was published; absent for a broadcast, which reaches every subscription. */
  readonly topic?: string;
  /** When it was published, as RFC 3339. */
  readonly time: string;
  /** 'message', unless the publisher gave it another name. */
  readonly event: string;
  /** What was published. All subscriptions of a page get the same object: do not change it. */
  readonly message: unknown;
}

/** Signals are missing: the hub no longer holds what should come next. */
export interface Gap {
  readonly reason: 'trimmed' | 'epoch' | 'unknown-id';
  readonly from: string | null;
  readonly to: string;
}

/**
 * - `connecting`: about to be open;
 * - `open`: signals arrive;
 * - `waiting`: it will try again by itself (`retryIn` seconds), or there is nothing to do;
 * - `offline`: the machine has no network; it goes on when it has;
 * - `refused`: the hub said no for good (`problem` says why): to this topic, or to the token while no other is to be had;
 * - `closed`: `close()` was called.
 */
export type Status = 'connecting' | 'open' | 'waiting' | 'offline' | 'refused' | 'closed';

export interface StatusDetail {
  /** A short name of the cause, for programs. */
  readonly reason?: string;
  /** What the hub said. */
  readonly problem?: Problem;
  /** Seconds. */
  readonly retryIn?: number;
}

/** An answer that says no (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  hint?: string;
  errors?: unknown[];
}

export interface Options {
  /** The hub's, with its prefix: 'https://hub.example.com/signals' or '/signals'. */
  url: string | URL;
  /** The bearer token, or what fetches one: called for the first connection, and when a token expires or is refused. */
  token?: string | (() => string | null | undefined | Promise<string | null | undefined>);
  /** Who is signed in, where the token does not say so itself (a JWT's `sub` does): tabs share only if they agree on it. */
  subject?: string;
  /** Whether the tabs of this browser share one connection, if they have the same hub and subject. Default: true. */
  share?: boolean;
  /** Default: 'omit'. 'same-origin' or 'include' for a hub that takes a cookie; tabs then share only with a `subject`. */
  credentials?: RequestCredentials;
  /** Resume after this. */
  lastEventId?: string;
}

export interface Callbacks {
  onGap?: (gap: Gap) => void;
  /** Called with the status of this subscription when it changes. */
  onStatus?: (status: Status, detail: StatusDetail) => void;
}

export interface Subscription {
  /** Works without `this`, and more than once. */
  unsubscribe(): void;
}

/** Signals of a hub, for one page: one connection for all subscriptions. */
export class SignalsClient {
  /** @throws {TypeError} if the URL is none. */
  constructor(options: Options);
  /**
   * Get the signals of a topic (`orders/created`), of all topics with a prefix (`orders/*`), or all (`*`).
   *
   * It may be given signals of the seconds before it began, but always all since.
   *
   * @throws {TypeError} if the topic breaks a rule: it is visible text of at most 255 bytes, with a `*` only at its end.
   */
  subscribe<T = unknown>(
    topic: string,
    onSignal: (message: T, event: SignalEvent) => void,
    callbacks?: Callbacks,
  ): Subscription;
  /** Resolves when a stream is open that holds all topics subscribed to; another promise after a change of topics. Rejects when refused or closed. */
  readonly ready: Promise<void>;
  readonly status: Status;
  /** '' before the first. */
  readonly lastEventId: string;
  /** End it for good, as at sign-out: nothing is delivered any more. Harmless when done already. */
  close(): void;
}
