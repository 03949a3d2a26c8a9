// A process in which a recipe for Node.js listens, as it would in somebody's program.
// Argument: the package.json beside which packages are installed.
// It reads JSON by lines: first the recipe's code, then for each listener its number and the arguments of listen().
// It prints [number, name, id, data] for each event, and the name "closed" once the client has given up.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const require = createRequire(process.argv[2]);
const tell = (...what) => console.log(JSON.stringify(what));

// A module without a file of its own finds no packages by their names.
const located = (code) =>
  code.replace(/from '([^'./][^']*)'/g, (_, name) => `from '${pathToFileURL(require.resolve(name))}'`);

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const code = located(JSON.parse((await lines.next()).value));
const { listen } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
for await (const line of lines) {
  const [number, { hub, topics, ...options }] = JSON.parse(line);
  listen(hub, topics, (...event) => tell(number, ...event), {
    ...options,
    gaveUp: (why = '') => tell(number, 'closed', '', String(why)),
  });
}
