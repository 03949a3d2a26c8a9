/** A real Backstage back end: accounts, tokens and keys are its own, and a plugin of the tests publishes through it. */
import assert from 'node:assert/strict';
import { createBackend } from '@backstage/backend-defaults';
import { rootHttpRouterServiceFactory } from '@backstage/backend-defaults/rootHttpRouter';
import {
  coreServices,
  createBackendModule,
  createBackendPlugin,
  createServiceFactory,
} from '@backstage/backend-plugin-api';
import { ConfigReader } from '@backstage/config';
import {
  authProvidersExtensionPoint,
  createProxyAuthenticator,
  createProxyAuthProviderFactory,
} from '@backstage/plugin-auth-node';
import { signalsServiceRef, type SignalsService } from '@backstage/plugin-signals-node';
import { recorder } from './recorder';

export const GUEST = 'user:default/guest';
export const JOE = 'user:default/joe';
export const TEAM_A = 'group:default/team-a'; // the guest's
export const TEAM_B = 'group:default/team-b'; // Joe's
export const PLUGIN = 'notes';

export interface Backstage {
  url: string;
  /** The signals service as a plugin gets it. */
  signals: SignalsService;
  /** Paths of all that has been asked of the back end. */
  requests: string[];
  /** What the plugin's logger was told. */
  logged: string[];
  stop: () => Promise<void>;
}

/** Signs in as Joe whoever asks, as the guest provider does with the guest. */
const joe = createBackendModule({
  pluginId: 'auth',
  moduleId: 'joe',
  register(registry) {
    registry.registerInit({
      deps: { providers: authProvidersExtensionPoint },
      async init({ providers }) {
        providers.registerProvider({
          providerId: 'joe',
          factory: createProxyAuthProviderFactory({
            authenticator: createProxyAuthenticator({
              defaultProfileTransform: async () => ({ profile: {} }),
              initialize: () => undefined,
              authenticate: async () => ({ result: {} }),
            }),
            signInResolver: (_info, context) => context.issueToken({ claims: { sub: JOE, ent: [JOE, TEAM_B] } }),
          }),
        });
      },
    });
  },
});

function configuration(port: number, hub: string, app: string) {
  const url = `http://localhost:${port}`;
  return {
    app: { title: 'Test', baseUrl: app },
    backend: {
      baseUrl: url,
      listen: { host: '127.0.0.1', port },
      cors: { origin: app, credentials: true },
      database: { client: 'better-sqlite3', connection: ':memory:' },
    },
    auth: {
      environment: 'development',
      providers: {
        guest: {
          userEntityRef: GUEST,
          ownershipEntityRefs: [GUEST, TEAM_A],
          dangerouslyAllowOutsideDevelopment: true,
        },
        joe: {},
      },
    },
    signalsHub: { baseUrl: hub, publishTimeout: { seconds: 5 } },
  };
}

/**
 * Starts it.
 *
 * @param port - Where it listens.
 * @param hub - The URL of the hub.
 * @param app - The origin of the front end.
 */
export async function startBackstage(port: number, hub: string, app: string): Promise<Backstage> {
  const requests: string[] = [];
  const logged: string[] = [];
  const config = new ConfigReader(configuration(port, hub, app));
  let signals: SignalsService | undefined;
  const notes = createBackendPlugin({
    pluginId: PLUGIN,
    register(registry) {
      registry.registerInit({
        deps: { signals: signalsServiceRef },
        init: async given => void (signals = given.signals),
      });
    },
  });

  const backend = createBackend();
  backend.add(createServiceFactory({ service: coreServices.rootConfig, deps: {}, factory: () => config }));
  backend.add(createServiceFactory({ service: coreServices.rootLogger, deps: {}, factory: () => recorder(logged) }));
  backend.add(
    rootHttpRouterServiceFactory({
      configure({ app, applyDefaults }) {
        app.use((request, _response, next) => {
          requests.push(request.path);
          next();
        });
        applyDefaults();
      },
    }),
  );
  backend.add(import('@backstage/plugin-auth-backend'));
  backend.add(import('@backstage/plugin-auth-backend-module-guest-provider'));
  backend.add(joe);
  backend.add(notes);
  backend.add(import('@sse-signals/backstage-plugin-signals-hub-node'));
  await backend.start();
  assert(signals);
  return { url: `http://localhost:${port}`, signals, requests, logged, stop: () => backend.stop() };
}
