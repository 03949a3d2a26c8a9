/** An app of the old front-end system. */
import { createApp } from '@backstage/app-defaults';
import { AppRouter } from '@backstage/core-app-api';
import { ProxiedSignInPage } from '@backstage/core-components';
import { signalsHubApiFactory } from '@sse-signals/backstage-plugin-signals-hub';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { configuration, provider } from './configuration';
import { Panel } from './Panel';
import { SignOut } from './SignOut';

const app = createApp({
  apis: [signalsHubApiFactory],
  configLoader: async () => [{ context: 'test', data: configuration }],
  components: { SignInPage: props => <ProxiedSignInPage {...props} provider={provider} /> },
});
const Root = app.createRoot(
  <AppRouter>
    <Panel />
    <SignOut />
  </AppRouter>,
);
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <Root />
  </StrictMode>,
);
