// What every page of the tests of tabs has from its start: clients by name, and a record of what they use that other
// pages of the browser could reach. `report` sends text to the test: what it sent
// stays sent if the page dies.

window.seen = { channels: [], open: 0, heard: [], posted: [], locks: [], held: [], problems: [] };
window.clients = {};
window.tokens = {}; // what token() returns, by the client's name

window.hurry = 1; // how many times shorter delays are than they should be
const { setTimeout: really } = window;
window.setTimeout = (call, delay, ...rest) => really(call, delay / hurry, ...rest);

addEventListener('error', (event) => seen.problems.push(`${event.message}`));
addEventListener('unhandledrejection', (event) => seen.problems.push(`unhandled: ${event.reason}`));

if (globalThis.BroadcastChannel) {
  globalThis.BroadcastChannel = class extends BroadcastChannel {
    constructor(name) {
      super(name);
      seen.channels.push(name);
      seen.open += 1;
      this.addEventListener('message', ({ data }) => seen.heard.push(JSON.stringify(data)));
    }

    close() {
      seen.open -= 1;
      super.close();
    }

    postMessage(message) {
      seen.posted.push([this.name, JSON.stringify(message)]);
      super.postMessage(message);
    }
  };
}

if (navigator.locks) {
  const request = LockManager.prototype.request;
  LockManager.prototype.request = function (name, ...rest) {
    const callback = rest.pop();
    let over = false;
    const end = () => {
      if (!over) seen.held.splice(seen.held.indexOf(name), 1);
      over = true;
    };
    const granted = async (lock) => {
      if (lock === null) return callback(lock);
      seen.held.push(name);
      try {
        return await callback(lock);
      } finally {
        end();
      }
    };
    seen.locks.push(name);
    const done = request.call(this, name, ...rest, granted);
    done.catch(() => {
      if (seen.held.includes(name)) end(); // stolen
    });
    return done;
  };
}

window.start = async (name, url, options, module = `${url}/client.js`) => {
  const { SignalsClient } = await import(module);
  if (typeof options.token === 'string' && !options.fixed) {
    tokens[name] = options.token;
    options.token = () => tokens[name];
  }
  clients[name] = new SignalsClient({ url, ...options });
};

window.told = {}; // all that each subscription was told, by its number
window.subscriptions = {};

window.listen = (name, number, topic) => {
  told[number] = [];
  const tell = (...what) => report(JSON.stringify([number, told[number].push(what) - 1, what]));
  subscriptions[number] = clients[name].subscribe(
    topic,
    (message, event) => tell('signal', event.id, message),
    {
      onGap: (gap) => tell('gap', gap),
      onStatus: (status, detail) => tell('status', status, detail?.reason ?? ''),
    },
  );
};
