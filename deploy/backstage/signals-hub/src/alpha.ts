/**
 * The signals of a Backstage app of the new front-end system, from an sse_signals hub.
 *
 * @packageDocumentation
 */
import { ApiBlueprint, createFrontendPlugin } from '@backstage/frontend-plugin-api';
import { signalsHubApiFactory } from './plugin';

/**
 * Takes the place of `@backstage/plugin-signals/alpha`: it has the same plugin id, of which the last one counts.
 *
 * @alpha
 */
const signalsHubPlugin = createFrontendPlugin({
  pluginId: 'signals',
  title: 'Signals',
  info: { packageJson: () => import('../package.json') },
  extensions: [ApiBlueprint.make({ params: defineParams => defineParams(signalsHubApiFactory) })],
});

export default signalsHubPlugin;
