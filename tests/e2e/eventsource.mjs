// Prints what the npm package "eventsource" dispatches, one JSON array [name, id, data] a line.
// Arguments: the package.json beside which it is installed, the URL to listen to, event names.
// The token that it shows, if any, stands in the variable TOKEN.
import { createRequire } from "node:module";

const [packages, url, ...names] = process.argv.slice(2);
const { EventSource } = createRequire(packages)("eventsource");

const { TOKEN } = process.env;
const showing = (input, init) => fetch(input, { ...init, headers: { ...init.headers, Authorization: `Bearer ${TOKEN}` } });
const source = new EventSource(url, TOKEN ? { fetch: showing } : {});
const tell = (event) => console.log(JSON.stringify([event.type, event.lastEventId, event.data]));
source.onmessage = tell;
for (const name of names) source.addEventListener(name, tell);
