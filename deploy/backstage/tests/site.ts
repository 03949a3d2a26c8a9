/** A hub, a Backstage back end, and apps in Chromium, which know each other. */
import type { Server } from 'node:http';
import type { Browser } from 'playwright-core';
import { startBackstage, type Backstage } from './backstage';
import { launch, serveApps } from './browser';
import { freePort, startHub, type Hub } from './hub';

export class Site {
  private constructor(
    public hub: Hub,
    readonly backstage: Backstage,
    readonly app: string,
    readonly browser: Browser,
    private readonly server: Server,
    /** Starts the hub again, where it was. */
    readonly startHub: () => Promise<void>,
  ) {}

  static async start(): Promise<Site> {
    const [hub, backstage, app] = [await freePort(), await freePort(), await freePort()];
    const at = (port: number) => `http://localhost:${port}`;
    const url = { hub: `${at(hub)}/signals`, backstage: at(backstage), app: at(app) };
    const configuration = {
      app: { title: 'Test', baseUrl: url.app },
      backend: { baseUrl: url.backstage },
      signalsHub: { baseUrl: url.hub },
    };
    const site: Site = new Site(
      await startHub(hub, url.backstage, url.app),
      await startBackstage(backstage, url.hub, url.app),
      url.app,
      await launch(),
      await serveApps(app, configuration),
      async () => {
        site.hub = await startHub(hub, url.backstage, url.app);
      },
    );
    return site;
  }

  async stop() {
    await this.browser.close();
    await this.hub.stop();
    await this.backstage.stop();
    this.server.close();
    this.server.closeAllConnections();
  }
}
