import {
  type ApiFactory,
  configApiRef,
  createApiFactory,
  createPlugin,
  discoveryApiRef,
  identityApiRef,
} from '@backstage/core-plugin-api';
import { type SignalApi, signalApiRef } from '@backstage/plugin-signals-react';
import { SignalsHubClient, type SignalsHubClientOptions } from './SignalsHubClient';

type Deps = { [name in keyof SignalsHubClientOptions]: SignalsHubClientOptions[name] };

/**
 * Makes the API behind `useSignal` and `useSignals`. In an app of the old front-end system it goes into `apis.ts`.
 *
 * @public
 */
export const signalsHubApiFactory: ApiFactory<SignalApi, SignalApi, Deps> = createApiFactory({
  api: signalApiRef,
  deps: { config: configApiRef, discovery: discoveryApiRef, identity: identityApiRef },
  factory: options => new SignalsHubClient(options),
});

/**
 * The same as a plugin of the old front-end system, for an app that lists its plugins.
 *
 * @public
 */
export const signalsHubPlugin = createPlugin({ id: 'signals-hub', apis: [signalsHubApiFactory] });
