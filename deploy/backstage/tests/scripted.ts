/** A hub that answers as a test says, and keeps what it was asked. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** One request. */
export interface Asked {
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export type Answer = (response: ServerResponse, asked: Asked) => void;

export class ScriptedHub {
  readonly asked: Asked[] = [];
  connections = 0;
  readonly #server;

  /**
   * Makes it.
   *
   * @param answers - One for each request; the last one stands for all that follow.
   */
  constructor(public answers: Answer[]) {
    this.#server = createServer(async (request, response) => {
      const asked = { path: request.url ?? '', headers: request.headers, body: await text(request) };
      this.asked.push(asked);
      const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
      answer?.(response, asked);
    });
    this.#server.on('connection', () => (this.connections += 1));
  }

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  stop() {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** Answers with a status, headers and a body. */
export function status(code: number, headers: Record<string, string> = {}, body = ''): Answer {
  return response => response.writeHead(code, headers).end(body);
}

/** Answers with a problem document. */
export function problem(code: number, members: object, headers: Record<string, string> = {}): Answer {
  return status(code, { 'Content-Type': 'application/problem+json', ...headers }, JSON.stringify(members));
}

/** Ends the connection without an answer. */
export const cut: Answer = response => response.destroy();

/** Never answers. */
export const silence: Answer = () => {};
