import type { HumanDuration } from '@backstage/types';

export interface Config {
  signalsHub?: {
    /**
     * Where the hub is, with its prefix: `https://hub.example.com/signals`.
     * Without it, what discovery says of the plugin `signals`.
     * @visibility frontend
     */
    baseUrl?: string;
    /**
     * Where the back end finds the hub, if not at `baseUrl`: `http://hub.internal:8080/signals`.
     * @visibility backend
     */
    internalBaseUrl?: string;
    /**
     * How long a publisher waits at most until the hub has a signal, with all attempts; 5 seconds if not set.
     * @visibility backend
     */
    publishTimeout?: HumanDuration | string;
  };
}
