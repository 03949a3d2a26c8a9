/** The console: what the page consists of, and who tells whom. */

import { Canary, isCanary } from './canary.js';
import { Charts } from './charts.js';
import { Connect, shownTopics } from './connect.js';
import { part, tabs } from './dom.js';
import { Inspector } from './inspect.js';
import { keys } from './keys.js';
import { byteRate, openStreams } from './overview.js';
import { Pane } from './pane.js';
import { Publisher } from './publish.js';
import { Stream } from './stream.js';
import { StreamTables } from './streams.js';
import { theme } from './theme.js';
import { Watch } from './watch.js';
import { record } from './words.js';

/** @import { Block, Overview, Row, State, Wish } from './types.js' */

/** The hub that serves this page, wherever a proxy has put it. */
const HUB = new URL('..', import.meta.url).href.replace(/\/$/, '');

class Console {
  #charts = new Charts();
  #tables = new StreamTables();
  /** @type {Wish | undefined} */ #wish;
  /** @type {State | undefined} */ #state;
  /** @type {Stream | undefined} */ #stream;
  /** @type {Canary | undefined} */ #canary;
  /** @type {Watch | undefined} */ #watch;
  /** @type {Overview | undefined} */ #overview;
  /** Signals since the last second was counted. */
  #arrived = 0;
  #counted = performance.now();
  #pane = new Pane(
    () => this.#target(),
    (row, how) => this.#show(row, how),
  );
  #inspector = new Inspector(() => this.#target());
  #publisher = new Publisher(() => ({ url: HUB, token: this.#connect.token }));
  #left = tabs(part('left-tabs', HTMLElement));
  #right = tabs(part('right-tabs', HTMLElement));
  #connect = new Connect(HUB, {
    connect: (wish) => this.#begin(wish),
    disconnect: () => this.#end(),
    now: () => this.#stream?.now(),
  });

  constructor() {
    theme(part('theme', HTMLSelectElement));
    setInterval(() => this.#second(), 1e3);
    addEventListener('visibilitychange', () => this.#look());
    addEventListener('online', () => this.#stream?.now());
    this.#charts.canarySwitch.addEventListener('change', () => this.#look());
    keys([
      ['t', 'go to the topics', () => this.#connect.focus()],
      ...this.#pane.keys.map(
        ([key, what, act]) =>
          /** @type {[string, string, () => void]} */ ([key, what, () => (this.#left('tab-signals'), act())]),
      ),
      ['s', 'see the streams', () => part('tab-streams', HTMLElement).click()],
      ['n', 'publish a new signal', () => this.#new()],
    ]);
    this.#pane.draw();
    this.#connect.fromFragment();
  }

  #new() {
    this.#right('tab-publish');
    this.#publisher.focus();
  }

  /** @param {Wish} wish */
  #begin(wish) {
    const { topics, since, token } = this.#wish ?? {};
    // With another token it goes on where it was; with the same it begins as one has asked for.
    const same = `${topics}|${since}` === `${wish.topics}|${wish.since}` && token !== wish.token;
    const after = same ? this.#stream?.last : undefined;
    this.#end();
    this.#wish = wish;
    this.#charts.clear();
    this.#stream = new Stream(
      { ...wish, after },
      (block, before) => this.#take(block, before),
      (state) => this.#tell(state),
    );
  }

  #end() {
    this.#stream?.stop();
    this.#stream = undefined;
    this.#tell(undefined);
  }

  /** @param {State | undefined} state */
  #tell(state) {
    this.#state = state;
    this.#connect.tell(state);
    if (state?.receipt) {
      this.#counted = 0; // what is replayed at once is no rate
      const topics = shownTopics(this.#wish?.topics ?? []);
      this.#note(state.receipt.recovered ? 'Open again: nothing is missing.' : `Open: ${topics}.`);
    }
    this.#look();
    this.#pane.draw();
  }

  /** Measure while it is open and somebody looks. */
  #look() {
    const wish = this.#state?.status === 'open' && !document.hidden ? this.#wish : undefined;
    const { canarySwitch, latency } = this.#charts;
    if (!wish || !canarySwitch.checked) {
      this.#canary?.stop();
      this.#canary = undefined;
      latency.note(canarySwitch.checked ? '' : 'The canary is switched off.');
    } else {
      this.#canary ??= new Canary(
        wish,
        (ms) => latency.series.add(performance.now(), ms),
        (text) => latency.note(text),
      );
    }
    if (wish) {
      this.#watch ??= new Watch(
        wish,
        (overview) => this.#saw(overview),
        (text) => this.#blind(text),
      );
    } else {
      this.#watch?.stop();
      this.#watch = undefined;
    }
  }

  /** @param {Overview} overview */
  #saw(overview) {
    const now = performance.now();
    this.#charts.streams.series.add(now, openStreams(overview));
    this.#charts.bytes.series.add(now, byteRate(this.#overview, overview));
    this.#charts.streams.note('');
    this.#charts.bytes.note('');
    this.#overview = overview;
    this.#tables.show(overview, this.#state?.receipt?.stream ?? '');
  }

  /** @param {string} text why the streams cannot be seen */
  #blind(text) {
    this.#overview = undefined;
    const [short] = text.split(/(?<=\.) /); // all of it stands where the list would be
    this.#charts.streams.note(short);
    this.#charts.bytes.note(short);
    this.#tables.without(text);
  }

  /** @param {Block} block @param {string} before */
  #take({ id, event, data }, before) {
    if (event === 'signals.expiring') {
      this.#note(
        `The token expires at ${record(data).expiresAt}. Paste a fresh one, and reconnect: nothing is missed then.`,
      );
    } else if (event === 'signals.gap') {
      this.#pane.push({ kind: 'gap', id, before, time: new Date().toISOString(), topic: null, event, data });
    } else {
      const { topic, time } = record(data);
      const known = typeof topic === 'string' ? topic : null;
      if (isCanary(known)) return;
      this.#arrived++;
      this.#pane.push({
        kind: 'signal',
        id,
        before,
        time: typeof time === 'string' ? time : '',
        topic: known,
        event,
        data,
      });
    }
  }

  /** @param {string} data a sentence of the page's own */
  #note(data) {
    const rest = { id: '', before: '', topic: null, event: '' };
    this.#pane.push({ kind: 'note', time: new Date().toISOString(), data, ...rest });
  }

  #second() {
    const now = performance.now();
    if (this.#state?.status === 'open' && this.#counted) {
      this.#charts.signals.series.add(now, Math.round((this.#arrived * 1e3) / (now - this.#counted)));
    }
    this.#arrived = 0;
    this.#counted = now;
    if (!document.hidden) this.#charts.draw();
  }

  /** @param {Row} row @param {'move' | 'click' | 'enter'} how */
  #show(row, how) {
    this.#right('tab-inspect');
    this.#inspector.show(row);
    const panel = part('inspect', HTMLElement);
    if (how === 'enter') panel.focus();
    else if (how === 'click') panel.scrollIntoView({ block: 'nearest' });
  }

  #target() {
    const { topics = [], token = '' } = this.#wish ?? {};
    return { url: HUB, topics, authorised: token !== '', open: this.#state?.status === 'open' };
  }
}

new Console();
