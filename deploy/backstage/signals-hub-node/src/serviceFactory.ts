import { coreServices, createServiceFactory } from '@backstage/backend-plugin-api';
import { readDurationFromConfig } from '@backstage/config';
import { signalsServiceRef } from '@backstage/plugin-signals-node';
import { durationToMilliseconds } from '@backstage/types';
import { HubSignalsService } from './HubSignalsService';

const TIMEOUT = 'signalsHub.publishTimeout';
const HUB = 'signals'; // the plugin id that the hub goes by: the audience of the tokens it takes

/**
 * Replaces the signals service of every plugin: `backend.add(signalsHubServiceFactory)`.
 *
 * @public
 */
export const signalsHubServiceFactory = createServiceFactory({
  service: signalsServiceRef,
  deps: {
    auth: coreServices.auth,
    config: coreServices.rootConfig,
    discovery: coreServices.discovery,
    logger: coreServices.logger,
  },
  factory({ auth, config, discovery, logger }) {
    const configured =
      config.getOptionalString('signalsHub.internalBaseUrl') ?? config.getOptionalString('signalsHub.baseUrl');
    return new HubSignalsService({
      baseUrl: async () => configured ?? (await discovery.getBaseUrl(HUB)),
      token: async () => {
        const onBehalfOf = await auth.getOwnServiceCredentials();
        return (await auth.getPluginRequestToken({ onBehalfOf, targetPluginId: HUB })).token;
      },
      logger,
      timeout: config.has(TIMEOUT) ? durationToMilliseconds(readDurationFromConfig(config, { key: TIMEOUT })) : 5000,
    });
  },
});
