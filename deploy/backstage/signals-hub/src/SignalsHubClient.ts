import type { ConfigApi, DiscoveryApi, IdentityApi } from '@backstage/core-plugin-api';
import type { SignalApi, SignalSubscriber } from '@backstage/plugin-signals-react';
import type { JsonObject } from '@backstage/types';
import { SignalsClient } from './client/client.js';

const RETRY = 5000; // milliseconds

/**
 * What {@link SignalsHubClient} needs.
 *
 * @public
 */
export interface SignalsHubClientOptions {
  config: ConfigApi;
  discovery: DiscoveryApi;
  identity: IdentityApi;
}

/**
 * Signals after `from` and up to `to` are missing for good: what they were hints for should be fetched again.
 *
 * @public
 */
export interface SignalsGap {
  readonly reason: 'trimmed' | 'epoch' | 'unknown-id';
  readonly from: string | null;
  readonly to: string;
}

/**
 * How a subscription fares: `open` is well, `connecting`, `waiting` and `offline` will be by themselves, `refused` is
 * what the hub does not allow, and `closed` comes with signing out.
 *
 * @public
 */
export type SignalsStatus = 'connecting' | 'open' | 'waiting' | 'offline' | 'refused' | 'closed';

/** @public */
export interface SubscribeOptions {
  /** Is called when signals were missed for good. */
  onGap?: (gap: SignalsGap) => void;
  /** Is called when the status changes. */
  onStatus?: (status: SignalsStatus) => void;
}

interface Subscription extends SubscribeOptions {
  channel: string;
  onMessage: (message: never) => void;
  end?: () => void;
}

/**
 * The signals API on a hub: one stream for all subscriptions of all tabs of this browser.
 *
 * @public
 */
export class SignalsHubClient implements SignalApi {
  readonly #options: SignalsHubClientOptions;
  readonly #subscriptions = new Set<Subscription>();
  #client?: SignalsClient;
  #attempt?: object; // the one that may still become the client
  #signedOut = false;

  constructor(options: SignalsHubClientOptions) {
    this.#options = options;
    this.#watchSignOut(options.identity);
  }

  /**
   * Calls `onMessage` with every message to a channel, or to all channels that begin alike: `catalog:*`.
   *
   * @param options - The stock API has no such parameter; whoever calls this one through `signalApiRef` may use it all
   * the same, since others ignore it.
   */
  subscribe<TMessage extends JsonObject = JsonObject>(
    channel: string,
    onMessage: (message: TMessage) => void,
    options: SubscribeOptions = {},
  ): SignalSubscriber {
    const subscription: Subscription = { ...options, channel, onMessage };
    this.#subscriptions.add(subscription);
    if (this.#signedOut) {
      options.onStatus?.('closed');
    } else if (this.#client) {
      this.#attach(this.#client, subscription);
    } else if (!this.#attempt) {
      void this.#start();
    }
    return {
      unsubscribe: () => {
        this.#subscriptions.delete(subscription);
        subscription.end?.();
      },
    };
  }

  /** Ends the stream for good, as signing out does. */
  close(): void {
    this.#signedOut = true;
    this.#stop();
  }

  #stop() {
    this.#attempt = undefined;
    this.#client?.close();
    this.#client = undefined;
  }

  async #start(): Promise<void> {
    const attempt = {};
    this.#attempt = attempt;
    const { config, discovery, identity } = this.#options;
    let url;
    let subject: string;
    try {
      url = config.getOptionalString('signalsHub.baseUrl') ?? (await discovery.getBaseUrl('signals'));
      subject = (await identity.getBackstageIdentity()).userEntityRef; // waits until somebody has signed in
    } catch (error) {
      this.#retry(attempt, error);
      return;
    }
    if (attempt !== this.#attempt) {
      return;
    }
    const client = new SignalsClient({ url, subject, token: () => this.#token(subject) });
    this.#attempt = undefined;
    this.#client = client;
    this.#subscriptions.forEach(subscription => this.#attach(client, subscription));
  }

  #retry(attempt: object, error: unknown) {
    if (attempt !== this.#attempt) {
      return;
    }
    // eslint-disable-next-line no-console
    console.warn(`Signals: it is not known yet where the hub is, and who listens; again in ${RETRY / 1000} s.`, error);
    setTimeout(() => attempt === this.#attempt && this.#start(), RETRY);
  }

  #attach(client: SignalsClient, subscription: Subscription) {
    const { channel, onMessage, onGap, onStatus } = subscription;
    try {
      const { unsubscribe } = client.subscribe(
        channel,
        (message, event) => {
          // A broadcast of the hub itself is for no channel, and none of Backstage's signals.
          if (event.topic !== undefined) {
            onMessage(message as never);
          }
        },
        { onGap, onStatus },
      );
      subscription.end = unsubscribe;
    } catch (error) {
      // It is no channel that a hub knows; a component must not crash for it in the middle of an effect.
      // eslint-disable-next-line no-console
      console.error(`Signals: there is no channel '${channel}'.`, error);
      onStatus?.('refused');
    }
  }

  async #token(subject: string): Promise<string | undefined> {
    const { identity } = this.#options;
    const { token } = await identity.getCredentials();
    if ((await identity.getBackstageIdentity()).userEntityRef === subject) {
      return token;
    }
    // Somebody else has signed in meanwhile: what was read for one must not go on for the other.
    if (!this.#signedOut) {
      this.#stop();
      void this.#start();
    }
    return undefined;
  }

  /** The identity API tells nobody that one signs out, and the page may live on for a while after it. */
  #watchSignOut(identity: IdentityApi) {
    if (!Object.isExtensible(identity)) {
      return;
    }
    const signOut = identity.signOut;
    identity.signOut = async () => {
      this.close();
      await signOut.call(identity);
    };
  }
}
