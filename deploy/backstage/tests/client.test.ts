/** What the front-end package adds to the browser module: who listens, where the hub is, and until when. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { ConfigReader } from '@backstage/config';
import { SignalsHubClient } from '../signals-hub/src/SignalsHubClient';
import { eventually } from './eventually';
import { ScriptedHub, type Answer } from './scripted';

const RECEIPT = JSON.stringify({ protocol: 1, stream: 's', subject: null, heartbeat: 15 });
const OPEN = `retry: 50\nevent: signals.open\nid: a-1\ndata: ${RECEIPT}\n\n`;

/** A stream that begins with some events, and stays open. */
function stream(...events: object[]): Answer {
  return response => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(OPEN);
    events.forEach((event, n) => response.write(`id: a-${n + 2}\ndata: ${JSON.stringify(event)}\n\n`));
  };
}

/** The identity API before and after somebody signs in. */
class Identity {
  user = 'user:default/ann';
  signedOut = 0;
  #signedIn = true;
  #waiting: (() => void)[] = [];

  keepOut() {
    this.#signedIn = false;
  }

  signIn() {
    this.#signedIn = true;
    this.#waiting.forEach(go => go());
  }

  async getBackstageIdentity() {
    if (!this.#signedIn) {
      await new Promise<void>(resolve => this.#waiting.push(resolve));
    }
    return { type: 'user' as const, userEntityRef: this.user, ownershipEntityRefs: [] };
  }

  getCredentials = async () => ({ token: `token of ${this.user}`.replaceAll(' ', '-') });
  getProfileInfo = async () => ({});

  async signOut() {
    this.signedOut += 1;
  }
}

let hub: ScriptedHub;
let url: string;
let identity: Identity;
let client: SignalsHubClient;

beforeEach(async () => {
  hub = new ScriptedHub([stream()]);
  url = await hub.start();
  identity = new Identity();
  client = made({ signalsHub: { baseUrl: `${url}/signals` } });
});
afterEach(() => {
  client.close();
  hub.stop();
  mock.restoreAll();
});

function made(config: object, getBaseUrl = async (_plugin: string) => 'http://nowhere.test'): SignalsHubClient {
  return new SignalsHubClient({ config: new ConfigReader(config as never), discovery: { getBaseUrl }, identity });
}

/** Returns the channels that the hub was asked for, request by request. */
function asked(): string[][] {
  return hub.asked.map(({ path }) => new URL(path, url).searchParams.getAll('topic'));
}

test('nothing is asked before somebody has signed in, and then in their name, for what is still wanted', async () => {
  identity.keepOut();
  const dropped = client.subscribe('dropped', () => {});
  client.subscribe('kept', () => {});
  dropped.unsubscribe();
  await new Promise(setImmediate);
  assert.equal(hub.asked.length, 0);
  identity.signIn();
  await eventually(() => assert.deepEqual(asked(), [['kept']]));
  assert.equal(hub.asked[0]?.headers.authorization, 'Bearer token-of-user:default/ann');
});

test('a component that StrictMode mounts twice, and others in the same moment, make one request', async () => {
  client.subscribe('a', () => {}).unsubscribe();
  client.subscribe('a', () => {});
  client.subscribe('b', () => {});
  client.subscribe('a', () => {});
  await eventually(() => assert.deepEqual(asked(), [['a', 'b']]));
});

test('each subscription gets the messages of its channel, and what a hub sends without one is for none', async () => {
  hub.answers = [stream({ topic: 'a', message: { n: 1 } }, { message: { n: 2 } }, { topic: 'b', message: { n: 3 } })];
  const got: [string, unknown][] = [];
  for (const channel of ['a', 'b', 'a']) {
    const { unsubscribe } = client.subscribe(channel, message => got.push([channel, message]));
    void unsubscribe;
  }
  const expected = [
    ['a', { n: 1 }],
    ['a', { n: 1 }],
    ['b', { n: 3 }],
  ];
  await eventually(() => assert.deepEqual(got, expected));
});

test('unsubscribe needs no this, may be called twice, and holds at once', async () => {
  let [more, id] = [(_channel: string) => {}, 1];
  hub.answers = [
    (response, asked) => {
      stream()(response, asked);
      more = topic => response.write(`id: a-${(id += 1)}\ndata: ${JSON.stringify({ topic, message: {} })}\n\n`);
    },
  ];
  const got: string[] = [];
  const { unsubscribe } = client.subscribe('a', () => got.push('a'));
  let status = '';
  client.subscribe('b', () => got.push('b'), { onStatus: now => (status = now) });
  await eventually(() => assert.equal(status, 'open'));
  unsubscribe();
  unsubscribe();
  more('a');
  more('b');
  await eventually(() => assert.deepEqual(got, ['b']));
});

test('without configuration the hub is where discovery has the plugin signals, which is asked once', async () => {
  client.close();
  const plugins: string[] = [];
  client = made({}, async plugin => {
    plugins.push(plugin);
    return `${url}/api/${plugin}`;
  });
  client.subscribe('a', () => {});
  client.subscribe('b', () => {});
  await eventually(() => assert.match(hub.asked[0]?.path ?? '', /^\/api\/signals\/stream\?/));
  assert.deepEqual(plugins, ['signals']);
});

test('signing out ends the stream before anything else, and no component begins another one', async () => {
  const statuses: string[] = [];
  client.subscribe('a', () => {}, { onStatus: status => statuses.push(status) });
  await eventually(() => assert.equal(statuses.at(-1), 'open'));
  const signingOut = identity.signOut();
  assert.equal(statuses.at(-1), 'closed');
  await signingOut;
  assert.equal(identity.signedOut, 1);
  client.subscribe('b', () => {}, { onStatus: status => statuses.push(status) });
  assert.equal(statuses.at(-1), 'closed');
  await new Promise(resolve => setTimeout(resolve, 100));
  assert.equal(hub.asked.length, 1);
});

test('where somebody else has signed in, the stream of the first ends and one of their own begins', async () => {
  hub.answers = [
    response => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(OPEN),
    response => response.writeHead(401).end(),
    stream({ topic: 'a', message: { n: 1 } }),
  ];
  const got: unknown[] = [];
  client.subscribe('a', message => got.push(message));
  await eventually(() => assert.equal(hub.asked.length, 1));
  identity.user = 'user:default/bob';
  await eventually(() => assert.deepEqual(got, [{ n: 1 }]));
  const last = hub.asked.at(-1);
  assert.equal(last?.headers.authorization, 'Bearer token-of-user:default/bob');
  assert.equal(last.headers['last-event-id'], undefined);
});

test('a channel that no hub knows is refused, and crashes no component', () => {
  mock.method(console, 'error', () => {});
  const statuses: string[] = [];
  client.subscribe('a', () => {});
  return eventually(() => {
    client.subscribe('*\n', () => {}, { onStatus: status => statuses.push(status) });
    assert.equal(statuses.at(-1), 'refused');
  });
});

test('where the hub cannot be found out, it is tried again', async () => {
  mock.method(console, 'warn', () => {});
  mock.timers.enable({ apis: ['setTimeout'] });
  client.close();
  let times = 0;
  client = made({}, async () => {
    times += 1;
    throw new Error('not yet');
  });
  client.subscribe('a', () => {});
  await new Promise(setImmediate);
  assert.equal(times, 1);
  mock.timers.tick(5000);
  await new Promise(setImmediate);
  assert.equal(times, 2);
  client.close();
  mock.timers.tick(5000);
  assert.equal(times, 2);
  mock.timers.reset();
});
