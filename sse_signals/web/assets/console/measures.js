/** What is measured while the stream is open and somebody looks: its rates, the canary's time, who is connected. */

import { Canary } from './canary.js';
import { Charts } from './charts.js';
import { byteRate, openStreams } from './overview.js';
import { StreamTables } from './streams.js';
import { Watch } from './watch.js';

/** @import { Overview, Perch, State, Wish } from './types.js' */

export class Measures {
  #charts = new Charts();
  #tables = new StreamTables();
  /** @type {Wish | undefined} */ #wish;
  /** @type {State | undefined} */ #state;
  /** @type {Perch} */ #perch = { topic: '', why: '' };
  /** @type {Canary | undefined} */ #canary;
  /** What the canary says of itself. */
  #told = '';
  /** @type {Watch | undefined} */ #watch;
  /** @type {Overview | undefined} */ #overview;
  /** Signals since the last second was counted. */
  #arrived = 0;
  #counted = performance.now();

  constructor() {
    setInterval(() => this.#second(), 1e3);
    addEventListener('visibilitychange', () => this.#look());
    addEventListener('online', () => this.#watch?.again());
    this.#charts.canarySwitch.addEventListener('change', () => this.#look());
  }

  /** A stream begins. @param {Wish} wish @param {Perch} perch */
  begin(wish, perch) {
    this.#wish = wish;
    this.#perch = perch;
    this.#canary?.stop();
    this.#told = '';
    const { latency } = this.#charts;
    this.#canary = new Canary(
      wish,
      perch.topic,
      (ms) => latency.series.add(performance.now(), ms),
      (text) => ((this.#told = text), this.#look()),
    );
    this.#charts.clear();
  }

  /** @param {State | undefined} state that the stream is in; undefined is that there is none */
  tell(state) {
    this.#state = state;
    if (state?.receipt) this.#counted = 0; // what is replayed at once is no rate
    this.#look();
    if (!state) this.#tables.without('Connect to see who is connected.');
    else if (state.status !== 'open') this.#tables.old('this page is not connected.');
  }

  /** A signal has come. */
  count() {
    this.#arrived++;
  }

  /** A canary has come, anybody's. @param {string} topic @param {Record<string, any>} signal */
  canary(topic, signal) {
    if (topic === this.#perch.topic) this.#canary?.arrived(signal);
  }

  /** Measure while it is open and somebody looks. */
  #look() {
    const wish = this.#state?.status === 'open' && !document.hidden ? this.#wish : undefined;
    const { canarySwitch, latency } = this.#charts;
    const off = canarySwitch.checked ? this.#perch.why : 'The canary is switched off.';
    if (wish && !off) this.#canary?.start(this.#state?.receipt?.subject ?? null);
    else this.#canary?.stop();
    latency.note(off || this.#told);
    if (wish) {
      this.#watch ??= new Watch(
        wish,
        (overview) => this.#saw(overview),
        (text, refused) => this.#blind(text, refused),
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

  /** @param {string} text why the streams cannot be seen @param {boolean} refused */
  #blind(text, refused) {
    this.#overview = undefined;
    const [short] = text.split(/(?<=\.) /); // all of it stands where the list would be
    this.#charts.streams.note(short);
    this.#charts.bytes.note(short);
    if (refused) this.#tables.without(text);
    else this.#tables.old(text);
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
}
