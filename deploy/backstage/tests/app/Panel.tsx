/** Shows what the stock hook and the lossless one get of a channel; a test reads it from the page. */
import { useSignals } from '@sse-signals/backstage-plugin-signals-hub';
import { useSignal } from '@backstage/plugin-signals-react';
import { useState } from 'react';

type Note = { n: number | string };

export function Panel() {
  const channel = new URLSearchParams(window.location.search).get('channel') ?? 'notes';
  const { lastSignal, isSignalsAvailable } = useSignal<Note>(channel);
  const [all, setAll] = useState<Note['n'][]>([]);
  const [gaps, setGaps] = useState(0);
  // The callbacks add to what their render saw, and not to what there is, which is the mistake that is made most.
  const { status } = useSignals<Note>(channel, ({ n }) => setAll([...all, n]), { onGap: () => setGaps(gaps + 1) });
  return <pre id="panel">{JSON.stringify({ isSignalsAvailable, status, last: lastSignal?.n ?? null, all, gaps })}</pre>;
}
