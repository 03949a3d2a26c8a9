/** A real hub in a process of its own, and ports for it and others. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

export interface Hub {
  /** With its prefix, such as `http://localhost:8080/signals`. */
  url: string;
  /** How many streams have been opened, and how many of them are open. */
  streams: () => { opened: number; open: number };
  /** Who has opened each stream. */
  subjects: () => string[];
  stop: () => Promise<void>;
}

/** Returns a port that nobody listens at. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * Starts a hub.
 *
 * @param port - Where it listens.
 * @param backstage - The URL of the back end whose tokens it takes.
 * @param app - The origin of the front end.
 */
export async function startHub(port: number, backstage: string, app: string): Promise<Hub> {
  const process_ = spawn(process.env.PYTHON ?? 'python3', ['-m', 'sse_signals', 'serve', '--port', String(port)], {
    env: {
      ...process.env,
      SIGNALS_AUTH: 'backstage',
      SIGNALS_BACKSTAGE_URL: backstage,
      SIGNALS_CORS_ORIGINS: app,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let logged = '';
  const collect = (chunk: Buffer) => (logged += chunk);
  process_.stdout.on('data', collect);
  process_.stderr.on('data', collect);
  const ended = once(process_, 'exit');
  const url = `http://localhost:${port}/signals`;
  for (;;) {
    const answer = await fetch(`${url}/health/ready`).catch(() => undefined);
    if (answer?.ok) {
      break;
    }
    if (process_.exitCode !== null) {
      throw new Error(`The hub did not start:\n${logged}`);
    }
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  const told = (event: string) =>
    logged
      .split('\n')
      .filter(line => line.includes(`"event": "${event}"`))
      .map(line => JSON.parse(line) as { subject: string });
  return {
    url,
    streams: () => {
      const opened = told('stream opened').length;
      return { opened, open: opened - told('stream closed').length };
    },
    subjects: () => told('stream opened').map(({ subject }) => subject),
    stop: async () => {
      process_.kill('SIGTERM');
      await ended;
    },
  };
}
