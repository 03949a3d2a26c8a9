import { randomUUID } from 'node:crypto';
import type { LoggerService } from '@backstage/backend-plugin-api';
import type { SignalPayload, SignalsService } from '@backstage/plugin-signals-node';
import type { JsonObject } from '@backstage/types';
import { send } from './send';

/** What {@link HubSignalsService} needs. */
export interface HubSignalsServiceOptions {
  /** Says where the hub is, with its prefix. */
  baseUrl: () => Promise<string>;
  /** Makes a token of the publishing plugin for the hub. */
  token: () => Promise<string>;
  logger: Pick<LoggerService, 'info' | 'warn' | 'error'>;
  /** Milliseconds that a publisher waits at most, with all attempts. */
  timeout: number;
}

/**
 * Publishes through a hub.
 *
 * A signal is a hint, and the request of somebody who publishes one has already done its work: so `publish` does not
 * fail where the hub refuses a signal or cannot be reached, and says so in the log.
 */
export class HubSignalsService implements SignalsService {
  readonly #options: HubSignalsServiceOptions;
  #undelivered = 0; // since the hub last answered

  constructor(options: HubSignalsServiceOptions) {
    this.#options = options;
  }

  /** Resolves once the hub has the signal, or the log says why it has not. */
  async publish<TMessage extends JsonObject = JsonObject>(signal: SignalPayload<TMessage>): Promise<void> {
    const body = JSON.stringify(signal);
    const { baseUrl, token, logger, timeout } = this.#options;
    const about = `signal for channel '${signal.channel}'`;
    let shown: string | undefined;
    try {
      const url = `${(await baseUrl()).replace(/\/+$/, '')}/publish`;
      shown = await token();
      const refusal = await send(url, {
        body,
        token: shown,
        // The hub has seen the signal if it has seen this: an attempt whose answer was lost is not published twice.
        key: randomUUID(),
        timeout,
        // Whoever publishes a thousand while the hub is away must not wait a thousand times for all attempts.
        once: this.#undelivered > 0,
      });
      this.#answered();
      if (refusal !== undefined) {
        logger.error(`The hub refused a ${about}: ${without(shown, refusal)}`);
      }
    } catch (error) {
      this.#undelivered += 1;
      if (this.#undelivered === 1) {
        const reason = without(shown, reasonOf(error));
        logger.warn(`A ${about} did not reach the hub, and others may follow until it is told otherwise: ${reason}`);
      }
    }
  }

  #answered() {
    if (this.#undelivered > 0) {
      this.#options.logger.info(`The hub answers again; ${this.#undelivered} signals did not reach it`);
      this.#undelivered = 0;
    }
  }
}

/** Of a failed `fetch` the cause tells more than the error. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? String(error) : `${error} (${(cause as { code?: string }).code ?? cause})`;
}

/** Whatever a text quotes, the token is not in it. */
function without(token: string | undefined, text: string): string {
  return token ? text.replaceAll(token, '***') : text;
}
