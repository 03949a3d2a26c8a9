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
  /**
   * A short name of the cause. More may come.
   *
   * What the client finds itself:
   * - `network`: the hub cannot be reached, the connection broke, or CORS forbids it (the console says so);
   * - `ended`: a stream ended without a word, as at the time limit of a proxy;
   * - `silence`: nothing came for two heartbeats (30 seconds, as hubs are set), neither a signal, an answer nor the token;
   * - `token`: the token function failed (the console says how), or what it gave cannot stand in a header;
   * - `redirected`, `not-a-stream`: somebody else than a hub is at this URL;
   * - `http-502` and the like: a refusal with this status, which is not the hub's;
   * - `too-large`: an event of more than 1 MiB;
   * - `frozen`: the page is put away.
   *
   * What the hub says when it ends a stream: `shutdown`, `starting`, `full`, `expired`, `revoked`, `not-granted`.
   *
   * What it says when it refuses one, with `problem`: the last part of its `type`, like `not-granted` (status 403).
   */
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
  /**
   * The hub's, with its prefix: 'https://hub.example.com/signals', or '/signals' where the page comes from. Without a
   * path it means '/signals'. No user, query or fragment.
   */
  url: string | URL;
  /**
   * The bearer token, or what fetches one: called for the first connection, and when a token expires or is refused.
   * What it throws is reported as an uncaught error is, and it is called again a little later; so it is if it gives what
   * cannot stand in a header, or does not answer for two heartbeats (30 seconds, as hubs are set): who signs in by hand
   * does so before. null, undefined and '' are no token.
   */
  token?: string | (() => string | null | undefined | Promise<string | null | undefined>);
  /**
   * Who is signed in, where the token does not say so itself (a JWT's `sub` does): tabs share only if they agree on it,
   * and if the hub does, to which each shows its own token or cookie before it shares and again when that of the shared
   * stream is about to expire. In between nobody looks: call `close()` when somebody signs out.
   */
  subject?: string;
  /** Whether the tabs of this browser share one connection, if they have the same hub and subject. Default: true. */
  share?: boolean;
  /** Default: 'omit'. 'same-origin' or 'include' for a hub that takes a cookie; tabs then share only with a `subject`. */
  credentials?: RequestCredentials;
  /** Resume after this. It holds for the first subscriptions. */
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
  /** @throws {TypeError} if the URL is not that of a hub. */
  constructor(options: Options);
  /**
   * Get the signals of a topic (`orders/created`), of all topics with a prefix (`orders/*`), or all (`*`).
   *
   * It gets all that is published once `ready` resolves; if the stream is open already, all since this call. It may be
   * given signals of the seconds before, too. A subscription that stays sees nothing of others that come and go.
   *
   * @throws {TypeError} if the topic breaks a rule (it is visible text of at most 255 bytes, with a `*` only at its end),
   *   or `onSignal` is no function.
   * @throws {Error} if the client is closed.
   */
  subscribe<T = unknown>(
    topic: string,
    onSignal: (message: T, event: SignalEvent) => void,
    callbacks?: Callbacks,
  ): Subscription;
  /**
   * Resolves when a stream is open that holds all topics subscribed to, but for those that are refused: `onStatus` tells
   * of them. Rejects when all are refused, or it is closed, with an Error that says why; its `cause` is a StatusDetail if
   * the hub said so. Without subscriptions it stays pending. Another promise after a change of topics, or of its outcome.
   * Nobody has to wait for it.
   */
  readonly ready: Promise<void>;
  readonly status: Status;
  /** '' before the first. */
  readonly lastEventId: string;
  /** End it for good, as at sign-out: nothing is delivered any more. Harmless when done already. */
  close(): void;
}
