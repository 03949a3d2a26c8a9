// How the browser module is used, as a check of its types: what is marked must not compile.

import { SignalsClient, type Gap, type Options, type SignalEvent, type Status, type StatusDetail } from './client.js';

interface Order {
  id: number;
}

const options: Options = { url: '/signals', token: async () => null };
const client = new SignalsClient(options);
new SignalsClient({ url: new URL('https://hub.example.com/signals'), token: 'text', subject: 'user:default/ann', share: false });
new SignalsClient({ url: '/signals', credentials: 'same-origin', lastEventId: 'e-1', token: () => undefined });

const { unsubscribe } = client.subscribe<Order>(
  'orders/*',
  (order, event) => {
    const id: number = order.id;
    const from: [string, string | undefined, string, string] = [event.id, event.topic, event.time, event.event];
    console.log(id, from);
  },
  {
    onGap: (gap: Gap) => console.log(gap.reason === 'trimmed', gap.from, gap.to),
    onStatus: (status: Status, detail: StatusDetail) => {
      if (status === 'waiting') console.log(detail.retryIn?.toFixed(), detail.problem?.hint, detail.reason);
    },
  },
);
client.subscribe('a', (message: unknown, event: SignalEvent) => console.log(message, event));
unsubscribe();

const ready: Promise<void> = client.ready;
const last: string = client.lastEventId;
const status: Status = client.status;
client.close();
console.log(ready, last, status);

// @ts-expect-error: a message is unknown until somebody says what it is
client.subscribe('a', (message) => message.id);
// @ts-expect-error: there is no such option
new SignalsClient({ url: '/signals', topics: [] });
// @ts-expect-error: where the hub is has to be said
new SignalsClient({});
// @ts-expect-error: it can only be read
client.status = 'open';
// @ts-expect-error: nor is there such a status
const wrong: Status = 'opened';
console.log(wrong);
