/** An app of the new front-end system. */
import { ConfigReader } from '@backstage/config';
import { ProxiedSignInPage } from '@backstage/core-components';
import { createApp } from '@backstage/frontend-defaults';
import { createFrontendModule, createFrontendPlugin, PageBlueprint } from '@backstage/frontend-plugin-api';
import { SignInPageBlueprint } from '@backstage/plugin-app-react';
import stockSignals from '@backstage/plugin-signals/alpha';
import signalsHub from '@sse-signals/backstage-plugin-signals-hub/alpha';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { configuration, provider } from './configuration';
import { Panel } from './Panel';
import { SignOut } from './SignOut';

const signIn = SignInPageBlueprint.make({
  params: { loader: async () => props => <ProxiedSignInPage {...props} provider={provider} /> },
});
const page = PageBlueprint.make({
  params: {
    path: '/new',
    noHeader: true,
    loader: async () => (
      <>
        <Panel />
        <SignOut />
      </>
    ),
  },
});
const app = createApp({
  advanced: { configLoader: async () => ({ config: new ConfigReader(configuration) }) },
  features: [
    stockSignals, // as where it is still installed
    signalsHub,
    createFrontendModule({ pluginId: 'app', extensions: [signIn] }),
    createFrontendPlugin({ pluginId: 'notes', extensions: [page] }),
  ],
});
createRoot(document.getElementById('root')!).render(<StrictMode>{app.createRoot()}</StrictMode>);
