/** What the page that loads an app tells it. */
declare global {
  interface Window {
    testConfiguration: { app: object; backend: object; signalsHub: object };
  }
}

export const configuration = window.testConfiguration as never;

/** Whom the back end signs in: `guest` or `joe`. */
export const provider = new URLSearchParams(window.location.search).get('as') ?? 'guest';
