import { useApiHolder } from '@backstage/core-plugin-api';
import { signalApiRef, type SignalSubscriber } from '@backstage/plugin-signals-react';
import type { JsonObject } from '@backstage/types';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import type { SignalsGap, SignalsStatus, SubscribeOptions } from './SignalsHubClient';

/** @public */
export interface UseSignalsOptions {
  /** Is called when signals were missed for good: the time to fetch again what they are hints for. */
  onGap?: (gap: SignalsGap) => void;
}

/**
 * Calls `onSignal` with every signal of a channel, where `useSignal` shows only the last of those that come together.
 *
 * The callbacks may be new ones in every render; only another channel subscribes anew. Each signal is rendered before
 * the next one comes, so that `setAll([...all, message])` loses none. A channel that ends in `*` stands for all that
 * begin alike. With the stock signals plugin it works too, but the status stays `connecting`.
 *
 * @public
 */
export function useSignals<TMessage extends JsonObject = JsonObject>(
  channel: string,
  onSignal: (message: TMessage) => void,
  options: UseSignalsOptions = {},
): { status: SignalsStatus; isSignalsAvailable: boolean } {
  const api: Subscribe | undefined = useApiHolder().get(signalApiRef);
  const [status, setStatus] = useState<SignalsStatus>('connecting');
  const latest = useRef({ onSignal, onGap: options.onGap });
  useLayoutEffect(() => {
    latest.current = { onSignal, onGap: options.onGap };
  });
  useEffect(() => {
    setStatus('connecting');
    return api?.subscribe<TMessage>(
      channel,
      // A callback that reads state must find what the one before it has set, also where many signals come together.
      message => flushSync(() => latest.current.onSignal(message)),
      { onGap: gap => latest.current.onGap?.(gap), onStatus: setStatus },
    ).unsubscribe;
  }, [api, channel]);
  return { status, isSignalsAvailable: api !== undefined };
}

/** The signals API, which may be that of a hub and take a third argument. */
interface Subscribe {
  subscribe<TMessage extends JsonObject>(
    channel: string,
    onMessage: (message: TMessage) => void,
    options: SubscribeOptions,
  ): SignalSubscriber;
}
