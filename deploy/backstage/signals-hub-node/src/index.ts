/**
 * The signals service of a Backstage back end, on an sse_signals hub.
 *
 * @packageDocumentation
 */
export { signalsHubServiceFactory, signalsHubServiceFactory as default } from './serviceFactory';
