/** The console: what the page consists of, and who tells whom. */

import { isCanary, NO_PERCH, perch, refusesCanary, withCanary } from './canary.js';
import { Connect, shownTopics } from './connect.js';
import { part, tabs } from './dom.js';
import { Inspector } from './inspect.js';
import { keys } from './keys.js';
import { Measures } from './measures.js';
import { Pane } from './pane.js';
import { Publisher } from './publish.js';
import { Stream } from './stream.js';
import { theme } from './theme.js';
import { record, said } from './words.js';

/** @import { Block, Perch, Row, State, Wish } from './types.js' */

/** The hub that serves this page, wherever a proxy has put it. */
const HUB = new URL('..', import.meta.url).href.replace(/\/$/, '');

class Console {
  #measures = new Measures();
  /** @type {Wish | undefined} */ #wish;
  /** @type {State | undefined} */ #state;
  /** @type {Stream | undefined} */ #stream;
  /** @type {Perch} */ #perch = NO_PERCH;
  /** Whether somebody has connected by hand since the page was opened. */
  #pressed = false;
  #pane = new Pane(
    () => this.#target(),
    (row, how) => this.#show(row, how),
  );
  #inspector = new Inspector(() => this.#target());
  #publisher = new Publisher(() => ({ url: HUB, token: this.#connect.token }));
  #left = tabs(part('left-tabs', HTMLElement));
  #right = tabs(part('right-tabs', HTMLElement));
  #connect = new Connect(HUB, {
    connect: (wish, pressed) => this.#begin(wish, pressed),
    disconnect: () => this.#end(),
    now: () => this.#stream?.now(),
  });

  constructor() {
    theme(part('theme', HTMLSelectElement));
    addEventListener('online', () => this.#stream?.now());
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

  /** @param {Wish} wish @param {boolean} pressed */
  #begin(wish, pressed) {
    this.#pressed ||= pressed;
    const { topics, since, token } = this.#wish ?? {};
    // With another token it goes on where it was; with the same it begins as one has asked for.
    const same = `${topics}|${since}` === `${wish.topics}|${wish.since}` && token !== wish.token;
    const after = same ? this.#stream?.last : undefined;
    this.#end();
    this.#open({ ...wish, after }, perch(wish.topics, this.#pressed));
  }

  /** @param {Wish} wish @param {Perch} place */
  #open(wish, place) {
    this.#wish = wish;
    this.#perch = place;
    this.#measures.begin(wish, place);
    this.#stream = new Stream(
      { ...wish, topics: withCanary(wish.topics, place) },
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
    // Who may not listen to a canary may well listen to what was asked for.
    if (this.#wish && state && refusesCanary(state, this.#perch))
      return this.#open({ ...this.#wish, after: this.#stream?.last }, NO_PERCH);
    this.#state = state;
    this.#connect.tell(state);
    if (state?.receipt) {
      this.#publisher.back();
      const topics = shownTopics(this.#wish?.topics ?? []);
      this.#note(state.receipt.recovered ? 'Open again: nothing is missing.' : `Open: ${topics}.`);
    }
    this.#measures.tell(state);
    this.#pane.draw();
  }

  /** @param {Block} block @param {string} before */
  #take({ id, event, data }, before) {
    if (event === 'signals.expiring') {
      this.#note(
        `The token expires at ${said(record(data).expiresAt)}. Paste a fresh one, and reconnect: nothing is missed.`,
      );
    } else if (event === 'signals.gap') {
      this.#pane.push({ kind: 'gap', id, before, time: new Date().toISOString(), topic: null, event, data });
    } else {
      const signal = record(data);
      const { topic, time } = signal;
      const known = typeof topic === 'string' ? topic : null;
      if (known !== null && isCanary(known)) return this.#measures.canary(known, signal);
      this.#measures.count();
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
