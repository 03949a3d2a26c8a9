// Reads streams, one JSON array of base64 pieces a line, and prints what parsers of Node.js make of each, one JSON object
// a line: {parser: [[[event, data, last event id], ...], delay in milliseconds or null]}.
// Argument: the package.json beside which packages are installed.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { Decoder } from '../../sse_signals/web/assets/client/decoder.js';

const require = createRequire(process.argv[2]);
const { createParser } = require('eventsource-parser');
const { getLines, getMessages } = require('@microsoft/fetch-event-source/lib/cjs/parse.js');

const parsers = {
  'client.js': (pieces) => {
    const decoder = new Decoder('');
    const messages = [];
    for (const piece of pieces) for (const { event, data, id } of decoder.feed(piece)) messages.push([event, data, id]);
    return [messages, decoder.retry ?? null];
  },
  'eventsource-parser': (pieces) => {
    const messages = [];
    let last = '';
    let delay = null;
    const parser = createParser({
      onEvent: ({ event, data, id }) => {
        last = id ?? last;
        messages.push([event ?? 'message', data, last]);
      },
      onRetry: (milliseconds) => {
        delay = milliseconds;
      },
    });
    const text = new TextDecoder();
    for (const piece of pieces) parser.feed(text.decode(piece, { stream: true }));
    parser.feed(':\n'); // it holds a CR back until something follows
    return [messages, delay];
  },
  'fetch-event-source': (pieces) => {
    const messages = [];
    let last = '';
    let delay = null;
    const feed = getLines(
      getMessages(
        (id) => {
          last = id;
        },
        (milliseconds) => {
          delay = milliseconds;
        },
        ({ event, data }) => {
          // It also dispatches blocks without data, which look like those whose data is empty.
          if (data) messages.push([event || 'message', data, last]);
        },
      ),
    );
    for (const piece of pieces) feed(piece);
    return [messages, delay];
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const pieces = JSON.parse(line).map((piece) => new Uint8Array(Buffer.from(piece, 'base64')));
  const read = Object.entries(parsers).map(([name, parse]) => [name, parse(pieces)]);
  console.log(JSON.stringify(Object.fromEntries(read)));
}
