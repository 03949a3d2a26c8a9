export interface Config {
  signalsHub?: {
    /**
     * Where browsers find the hub, with its prefix: `https://hub.example.com/signals`.
     * Without it, what discovery says of the plugin `signals`.
     * @visibility frontend
     */
    baseUrl?: string;
  };
}
