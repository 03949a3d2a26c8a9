/** Chromium with the apps of the tests, as pages of an origin of their own. */
import { accessSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

const APPS = fileURLToPath(new URL('app', import.meta.url));

/** What a panel shows. */
export interface Shown {
  isSignalsAvailable: boolean;
  status: string;
  last: number | string | null;
  all: (number | string)[];
  gaps: number;
}

/** Bundles both apps, and serves them; `/old?as=joe` is the one of the old front-end system with Joe signed in. */
export async function serveApps(port: number, configuration: object): Promise<Server> {
  const { outputFiles } = await build({
    entryPoints: ['old', 'new'].map(name => join(APPS, `${name}.tsx`)),
    bundle: true,
    write: false,
    outdir: '/',
    format: 'esm',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"development"' },
    loader: { '.svg': 'dataurl', '.png': 'dataurl', '.woff': 'dataurl', '.woff2': 'dataurl' },
    logLevel: 'error',
  });
  const files = new Map(outputFiles.map(file => [file.path, file.text]));
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://app');
    const text = files.get(pathname);
    if (text === undefined) {
      const app = pathname.startsWith('/new') ? 'new' : 'old';
      response.setHeader('Content-Type', 'text/html');
      response.end(
        `<!doctype html><title>Test</title><div id="root"></div>
        <script>window.testConfiguration = ${JSON.stringify(configuration)}</script>
        <script type="module" src="/${app}.js"></script>`,
      );
      return;
    }
    response.setHeader('Content-Type', pathname.endsWith('.css') ? 'text/css' : 'text/javascript');
    response.end(text);
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Starts the Chromium that is installed. */
export async function launch(): Promise<Browser> {
  return await chromium.launch({ executablePath: executable(), args: ['--no-sandbox', '--disable-quic'] });
}

function executable(): string {
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of names) {
      try {
        accessSync(join(folder, name));
        return join(folder, name);
      } catch {
        // Not there.
      }
    }
  }
  throw new Error(`The tests need one of these on the PATH: ${names.join(', ')}`);
}

/** Opens a page, and returns once its subscriptions are open. */
export async function open(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  const told: string[] = [];
  page.on('console', message => told.push(message.text()));
  page.on('pageerror', error => told.push(String(error)));
  await page.goto(url);
  await shows(page, ({ status }) => status === 'open').catch(error => {
    throw new Error(`${error}\nThe page's console:\n${told.join('\n')}`);
  });
  return page;
}

/** Returns what a panel shows now. */
export async function shown(page: Page): Promise<Shown> {
  return JSON.parse((await page.textContent('#panel', { timeout: 20_000 })) ?? 'null');
}

/** Waits until a panel shows something. */
export async function shows(page: Page, wanted: (shown: Shown) => boolean, within = 10_000): Promise<Shown> {
  const end = Date.now() + within;
  for (;;) {
    const now = await shown(page);
    if (wanted(now)) {
      return now;
    }
    if (Date.now() > end) {
      throw new Error(`After ${within} ms it still shows ${JSON.stringify(now)}`);
    }
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
