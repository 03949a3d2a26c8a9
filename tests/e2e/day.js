// A page in which a day passes, by the clock of clock.js, with a hub in the page whose streams end twice a minute, in
// every way there is.

const HOUR = 3600;
const HEARTBEAT = 15;
const CALM = 150; // seconds before each full hour in which the hub is kind, so that it strikes on an open stream
const ENDS = ['goodbye', 'cut', 'unreachable', '503', 'end', 'expired', '401', 'silence', '429', 'expiring'];
const SUBJECT = 'user:default/ann';

// ---- The hub ---------------------------------------------------------------------------------------------------

// Signal number n has the id day-n and the message n: nothing needs to be kept for a resume.
const hub = { head: 0, requests: 0, opened: 0, polls: 0, renewed: 0, streams: new Set(), most: 0, ends: {} };
let dice = 7;
const roll = (sides) => (dice = (dice * 48271) % 2147483647) % sides;
Math.random = () => roll(1e9) / 1e9; // the same day every time

const encoder = new TextEncoder();
const block = (name, id, data) =>
  encoder.encode(`${name && `event: signals.${name}\n`}${id && `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`);
const signal = (number) => block('', `day-${number}`, { topic: 'a', time: new Date().toISOString(), message: number });
const beat = () => block('heartbeat', `day-${hub.head}`, {});

function publish(many) {
  for (let left = many; left > 0; left -= 1) {
    hub.head += 1;
    for (const stream of hub.streams) if (!stream.silent) stream.write(signal(hub.head));
  }
}

/** Answer with a body whose end is read before the clock goes on; that of a string comes in the browser's own time. */
function answer(data, status, headers) {
  unread += 1;
  const end = () => (unread -= 1);
  let chunks = [encoder.encode(JSON.stringify(data))];
  const pull = (control) => (chunks.length ? control.enqueue(chunks.pop()) : (end(), control.close()));
  const body = new ReadableStream({ pull, cancel: end }, { highWaterMark: 0 });
  return new Response(body, { status, headers: { 'Content-Type': 'application/json', ...headers } });
}

const problem = (status, headers = {}) =>
  answer({ type: `urn:sse-signals:problem:${status}`, title: 'Not now', status }, status, headers);

function opened(init, last, poll, end) {
  const name = `stream-${hub.requests}`;
  const from = last ? Number(last.slice(4)) : hub.head;
  const receipt = { protocol: 1, stream: name, subject: SUBJECT, heartbeat: HEARTBEAT, topics: ['a'] };
  const mine = new Set();
  const stream = { name, silent: false };
  const later = (seconds, call) => mine.add(after(seconds, call));
  const over = () => {
    hub.streams.delete(stream);
    mine.forEach(forget);
    init.signal?.removeEventListener('abort', abort);
  };
  let control;
  const abort = () => {
    over();
    control.error(init.signal.reason);
  };
  const close = () => (over(), control.close());
  const body = new ReadableStream({ start: (given) => void (control = given), cancel: over });
  stream.write = (bytes) => control.enqueue(bytes);
  init.signal?.addEventListener('abort', abort);
  stream.write(encoder.encode('retry: 2000\n'));
  stream.write(block('open', `day-${from}`, last ? { ...receipt, recovered: true } : receipt));
  for (let number = from + 1; number <= hub.head; number += 1) stream.write(signal(number));
  const response = new Response(body, { headers: { 'Content-Type': 'text/event-stream; charset=utf-8' } });
  if (poll) {
    stream.write(beat());
    close();
    return response;
  }
  hub.streams.add(stream);
  hub.most = Math.max(hub.most, hub.streams.size);
  hub.opened += 1;
  const beats = () => {
    if (!stream.silent) stream.write(beat());
    later(HEARTBEAT, beats);
  };
  later(HEARTBEAT, beats);
  const bye = (reason) => {
    stream.write(encoder.encode('retry: 1500\n'));
    stream.write(block('goodbye', '', { reason }));
    close();
  };
  const left = HOUR - ((now - START) / 1000) % HOUR;
  const life = (left < CALM ? left + 5 : 10) + roll(30);
  if (end === 'silence') later(5, () => (stream.silent = true)); // the client has to end it
  else if (end === 'expiring') {
    later(4, () => stream.write(block('expiring', '', { expiresAt: new Date(now + 60_000).toISOString() })));
    later(life, close);
  } else if (end === 'goodbye') later(life, () => bye('shutdown'));
  else if (end === 'expired') later(life, () => bye('expired'));
  else if (end === 'cut') later(life, () => (over(), control.error(new TypeError('network error'))));
  else later(life, close);
  return response;
}

window.fetch = async (input, init = {}) => {
  const url = new URL(input.url ?? input, location.href);
  const headers = new Headers(init.headers ?? input.headers);
  await null;
  if (init.signal?.aborted) throw init.signal.reason;
  if (headers.get('Authorization') !== `Bearer ${token}`) return problem(401, { 'WWW-Authenticate': 'Bearer' });
  if (url.pathname.endsWith('/renew')) {
    hub.renewed += 1;
    return new Response('{"status":"renewed"}', { headers: { 'Content-Type': 'application/json' } });
  }
  const poll = url.searchParams.has('poll');
  hub.requests += 1;
  if (poll) {
    hub.polls += 1;
    return opened(init, headers.get('Last-Event-ID'), true, '');
  }
  leak();
  const calm = HOUR - ((now - START) / 1000) % HOUR < CALM;
  const end = calm ? 'end' : ENDS[roll(ENDS.length)];
  hub.ends[end] = (hub.ends[end] ?? 0) + 1;
  if (end === 'unreachable') throw new TypeError('Failed to fetch');
  if (end === '503') return problem(503, { 'Retry-After': '2' });
  if (end === '429') return problem(429, { 'Retry-After': '3' });
  if (end === '401') {
    token = `token-${hub.requests}`;
    return problem(401, { 'WWW-Authenticate': 'Bearer' });
  }
  return opened(init, headers.get('Last-Event-ID'), false, end);
};

// ---- Clients, and their day ------------------------------------------------------------------------------------

let token = 'token-0';
const clients = []; // the oldest leads
const faults = [];
let module;

function join() {
  const client = new module.SignalsClient({ url: `${location.origin}/signals`, token: async () => token, subject: SUBJECT });
  let last = null;
  client.subscribe('a', (number) => {
    if (last !== null && number !== last + 1) faults.push(`after ${last} came ${number}`);
    last = number;
  });
  clients.push({ client, last: () => last });
}

let hour = 0;

/**
 * Let hours pass. In each a tab goes, every twelfth time the leading one, and one comes; a topic comes and goes; and the
 * page is put away for a minute.
 */
async function hours(many) {
  for (const end = hour + many; hour < end; hour += 1) {
    for (let minute = 0; minute < 60; minute += 1) {
      if (minute === 15) clients[1].other = clients[1].client.subscribe('other/*', () => {});
      if (minute === 25) clients[1].other.unsubscribe();
      if (minute === 35) clients.splice(hour % 12 ? -1 : 0, 1)[0].client.close();
      if (minute === 40) join();
      if (minute === 45) dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));
      if (minute === 46) dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
      publish(4);
      await pass(60);
    }
    for (const { last } of clients) if (last() !== hub.head) faults.push(`stands at ${last()} of ${hub.head}`);
  }
}

window.day = {
  async begin(url) {
    module = await import(url);
    for (let number = 0; number < 3; number += 1) join();
    await pass(60);
    for (let left = 60; left > 0; left -= 1) {
      publish(100); // whatever remembers so and so many ids is full from the start
      await pass(1);
    }
    await pass(HOUR - 120);
  },
  hours,
  end: async () => {
    for (const { client } of clients.splice(0)) client.close();
    await pass(120);
  },
  /** What there is, besides what only the browser can count. */
  counts: () => ({
    timers: [...timers.values()].filter((timer) => !timer.ofHub).length,
    channels: channels.size,
    held: locks.held,
    waiting: locks.waiting,
    streams: hub.streams.size,
  }),
  report: () => ({ ...hub, streams: hub.streams.size, faults }),
};

// What it would be if something of each request stayed behind.
const kept = [];
let leak = () => {};
day.leak = () => {
  leak = () => {
    addEventListener('online', () => kept.length);
    setTimeout(() => {}, 1e12);
    kept.push(new AbortController().signal, new Array(80).fill(0)); // the array as much as a day of 15 bytes each
  };
};
