// A clock that goes from timer to timer: a day takes seconds. Locks and channels are the browser's own, and it waits
// for what is on its way through them.

const START = Date.UTC(2026, 0, 31);
const realNow = performance.now.bind(performance);

let now = START;
let lastTimer = 0;
const timers = new Map();

function add(call, delay, every, ofHub) {
  timers.set(++lastTimer, { at: now + Math.max(0, Number(delay) || 0), call, every, ofHub });
  return lastTimer;
}
const forget = (timer) => void timers.delete(timer);
const after = (seconds, call) => add(call, seconds * 1000, null, true);

window.setTimeout = (call, delay, ...rest) => add(() => call(...rest), delay, null, false);
window.setInterval = (call, delay, ...rest) => add(() => call(...rest), delay, Math.max(1, delay), false);
window.clearTimeout = forget;
window.clearInterval = forget;
window.Date = class extends Date {
  constructor(...given) {
    super(...(given.length ? given : [now]));
  }

  static now() {
    return now;
  }
};
performance.now = () => now - START;
AbortSignal.timeout = (delay) => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new DOMException('', 'TimeoutError')), delay);
  return controller.signal;
};

/** Let seconds pass. */
async function pass(seconds) {
  const until = now + seconds * 1000;
  for (;;) {
    let next = null;
    for (const [number, timer] of timers) {
      if (timer.at <= until && (next === null || timer.at < timers.get(next).at)) next = number;
    }
    if (next === null) break;
    const timer = timers.get(next);
    now = Math.max(now, timer.at);
    if (timer.every === null) timers.delete(next);
    else timer.at += timer.every;
    timer.call();
    await quiet();
  }
  now = until;
}

// ---- What is on its way while the clock stands -----------------------------------------------------------------

let unread = 0; // bodies
const channels = new Set();
window.BroadcastChannel = class extends BroadcastChannel {
  due = 0;

  constructor(name) {
    super(name);
    channels.add(this);
    this.addEventListener('message', () => (this.due -= 1));
  }

  postMessage(message) {
    for (const other of channels) if (other !== this && other.name === this.name) other.due += 1;
    super.postMessage(message);
  }

  close() {
    channels.delete(this);
    super.close();
  }
};

const locks = { held: 0, waiting: 0 };
const request = LockManager.prototype.request;
LockManager.prototype.request = function (name, ...rest) {
  const callback = rest.pop();
  let state = 'waiting';
  const become = (next) => {
    if (state) locks[state] -= 1;
    if (next) locks[next] += 1;
    state = next;
  };
  locks.waiting += 1;
  const done = request.call(this, name, ...rest, (lock) => {
    become(lock ? 'held' : '');
    return callback(lock);
  });
  done.then(() => become(''), () => become(''));
  return done;
};

const { port1, port2 } = new MessageChannel();
const turn = () =>
  new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(0);
  });

function busy() {
  for (const channel of channels) if (channel.due) return 'a message of a channel';
  if (unread) return 'a body';
  return locks.waiting && !locks.held ? 'a lock' : '';
}

/** Wait until all that goes without a clock has happened. */
async function quiet() {
  const deadline = realNow() + 10_000;
  for (let turns = 0; turns < 3; turns += 1) {
    await turn();
    if (busy()) turns = -1;
    if (realNow() > deadline) throw new Error(`still on its way: ${busy()}`);
  }
}
