/**
 * The signals of a Backstage app, from an sse_signals hub.
 *
 * @packageDocumentation
 */
export { signalsHubApiFactory, signalsHubPlugin } from './plugin';
export { SignalsHubClient } from './SignalsHubClient';
export type { SignalsGap, SignalsHubClientOptions, SignalsStatus, SubscribeOptions } from './SignalsHubClient';
export { useSignals } from './useSignals';
export type { UseSignalsOptions } from './useSignals';
