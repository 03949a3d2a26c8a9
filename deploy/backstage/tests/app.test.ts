/** From a plugin of a real Backstage back end to the hooks of a real app in Chromium, for both front-end systems. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { GUEST, JOE, PLUGIN, TEAM_A, TEAM_B } from './backstage';
import { open, shown, shows } from './browser';
import { eventually } from './eventually';
import { Site } from './site';

const BURST = Array.from({ length: 50 }, (_, n) => n);
let site: Site;

before(
  async () => {
    site = await Site.start();
  },
  { timeout: 120_000 },
);
after(async () => await site?.stop());

/** Publishes as a plugin does. */
async function publish(to: string | string[] | undefined, n: number | string, channel = PLUGIN) {
  const recipients = to === undefined ? ({ type: 'broadcast' } as const) : ({ type: 'user', entityRef: to } as const);
  await site.backstage.signals.publish({ recipients, channel, message: { n } });
}

for (const system of ['old', 'new']) {
  describe(`the ${system} front-end system`, () => {
    let guests: BrowserContext;
    let joes: BrowserContext;
    let guest: Page;
    let joe: Page;
    let opened: number;

    before(async () => {
      opened = site.hub.subjects().length;
      [guests, joes] = [await site.browser.newContext(), await site.browser.newContext()];
      guest = await open(guests, `${site.app}/${system}?as=guest`);
      joe = await open(joes, `${site.app}/${system}?as=joe`);
    });
    after(async () => {
      await guests?.close();
      await joes?.close();
    });

    test('useSignal shows what is sent to a user, to a group and to all, and no one else sees it', async () => {
      await publish(JOE, 'joe');
      await publish(GUEST, 'guest');
      await shows(guest, ({ last }) => last === 'guest');
      await publish(TEAM_B, 'team b');
      await publish(TEAM_A, 'team a');
      await shows(guest, ({ last }) => last === 'team a');
      await publish([JOE, TEAM_B], 'joe twice'); // once, although he is both
      await publish(undefined, 'all');
      const guests = await shows(guest, ({ last }) => last === 'all');
      const joes = await shows(joe, ({ last }) => last === 'all');
      assert.equal(guests.isSignalsAvailable, true);
      assert.deepEqual(guests.all, ['guest', 'team a', 'all']);
      assert.deepEqual(joes.all, ['joe', 'team b', 'joe twice', 'all']);
    });

    test('useSignals gets each of fifty that come at once, in order, and none of another channel', async () => {
      const [before_, another] = [(await shown(guest)).all, 'notes:other'];
      await publish(undefined, 'elsewhere', another);
      for (const n of BURST) {
        await publish(TEAM_A, n);
      }
      const { all, last, gaps } = await shows(guest, now => now.last === BURST.length - 1);
      assert.deepEqual(all, [...before_, ...BURST]);
      assert.deepEqual([last, gaps], [BURST.length - 1, 0]);
      assert.ok((await shown(joe)).all.every(n => typeof n === 'string'));
    });

    test('a page of two hooks in StrictMode has opened one stream, as the user who is signed in', async () => {
      assert.deepEqual(site.hub.subjects().slice(opened), [GUEST, JOE]);
    });

    test('a second tab shares the stream of the first', async () => {
      const { open: before_ } = site.hub.streams();
      const tab = await open(guests, `${site.app}/${system}?as=guest`);
      await publish(GUEST, 'to both tabs');
      for (const page of [guest, tab]) {
        const { all } = await shows(page, ({ last }) => last === 'to both tabs');
        assert.equal(all.filter(n => n === 'to both tabs').length, 1);
      }
      // It has asked the hub once, to show who it is, and that is over.
      await eventually(() => assert.equal(site.hub.streams().open, before_));
      await tab.close();
    });

    test('a hub that is started again, as for a new version, costs no signal', async () => {
      await site.hub.stop();
      await shows(guest, ({ status }) => status !== 'open');
      const published = publish(TEAM_A, 'while it was away');
      await site.startHub();
      await published;
      const { all, gaps } = await shows(guest, ({ status, last }) => status === 'open' && last === 'while it was away');
      assert.equal(all.filter(n => n === 'while it was away').length, 1);
      assert.equal(gaps, 1); // a hub that keeps its log in memory says that it is another one now
      await shows(joe, ({ status }) => status === 'open');
    });

    test('signing out ends the stream at once, although the page is still there', async () => {
      const { open: before_ } = site.hub.streams();
      await guest.route('**/', route => route.fulfill({ status: 204 })); // does not leave the page
      await guest.evaluate(() => document.getElementById('sign-out')!.click());
      await eventually(() => assert.equal(site.hub.streams().open, before_ - 1));
      assert.equal((await shown(guest)).status, 'closed');
      await publish(GUEST, 'signed out');
      await publish(undefined, 'after');
      await shows(joe, ({ last }) => last === 'after');
      assert.ok(!(await shown(guest)).all.some(n => n === 'signed out' || n === 'after'));
    });
  });
}

test('a channel of another plugin is refused: the log tells, and the publisher lives', async () => {
  await publish(undefined, 'not mine', 'catalog');
  const told = site.backstage.logged.filter(line => /hub/i.test(line) && !line.startsWith('info'));
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /^error: The hub refused a signal for channel 'catalog': 403 /);
  assert.doesNotMatch(told[0] ?? '', /eyJ/); // no token
});

test('the hub knows the plugin by the keys that Backstage publishes, and users by what Backstage says they own', () => {
  const asked = site.backstage.requests;
  for (const path of [
    `/api/${PLUGIN}/.backstage/auth/v1/jwks.json`,
    '/api/auth/.well-known/jwks.json',
    '/api/auth/v1/userinfo',
  ]) {
    assert.ok(asked.includes(path), path);
  }
});
