import { identityApiRef, useApi } from '@backstage/core-plugin-api';

/** Signs out, as the settings page does. */
export function SignOut() {
  const identity = useApi(identityApiRef);
  return (
    <button id="sign-out" onClick={() => identity.signOut()}>
      Sign out
    </button>
  );
}
