/**
 * The canary: a small signal that the page publishes to a topic of its own, to see how long it takes to come back. It
 * goes to nobody else, where the hub knows who publishes it.
 */

import { publishBody } from './curl.js';
import { ask, Refused } from './requests.js';
import { Stream } from './stream.js';
import { record, visible } from './words.js';

/** @import { Receipt, Wish } from './types.js' */

const HOME = 'signals-console/';
const PREFIX = `${HOME}canary-`;
/** Milliseconds between two canaries, and after which one is taken for lost. */
const EVERY = 2e3;
const LOST = 10e3;

/** Say whether a topic is that of a canary, anybody's. @param {string | null} topic */
export const isCanary = (topic) => topic !== null && topic.startsWith(PREFIX);

export class Canary {
  #hub;
  #measured;
  #tell;
  #topic = PREFIX + crypto.getRandomValues(new Uint32Array(3)).reduce((text, n) => text + n.toString(36), '');
  #stream;
  /** When each was published. @type {Map<number, number>} */ #sent = new Map();
  #n = 0;
  /** @type {Receipt | undefined} */ #receipt;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;

  /**
   * @param {Pick<Wish, 'url' | 'token'>} hub
   * @param {(ms: number) => void} measured
   * @param {(what: string) => void} tell gets a sentence when it cannot be measured, and '' when it can
   */
  constructor(hub, measured, tell) {
    this.#hub = hub;
    this.#measured = measured;
    this.#tell = tell;
    this.#stream = new Stream(
      { ...hub, topics: [this.#topic], since: '' },
      ({ data }) => this.#arrived(record(data)),
      ({ status, receipt, reason, problem }) => {
        this.#receipt = receipt;
        if (status === 'closed') this.#stopped(new Refused(problem?.status ?? 0, reason ?? '', problem));
        if (status !== 'open') return;
        clearInterval(this.#timer);
        this.#timer = setInterval(() => this.#publish(), EVERY);
        this.#publish();
      },
    );
  }

  stop() {
    this.#stream.stop();
    clearInterval(this.#timer);
  }

  /** @param {Refused} error */
  #stopped(error) {
    this.stop();
    const needed = /:not-granted$/.test(error.problem?.type ?? '');
    this.#tell(
      needed ? `Not measured: this needs the grant to publish to ${HOME}*.` : `Not measured. ${error.message}`,
    );
  }

  async #publish() {
    if (!this.#receipt) return;
    const { subject } = this.#receipt;
    const now = performance.now();
    for (const [n, at] of this.#sent) {
      if (now - at < LOST) continue;
      this.#sent.delete(n);
      const whom = typeof subject === 'string' ? ` It is for ${visible(subject)}: does that own itself?` : '';
      this.#tell(`A canary was published, and did not arrive within 10 s.${whom}`);
    }
    const n = ++this.#n;
    const targets = typeof subject === 'string' ? [subject] : [];
    const body = publishBody({ message: `{"n":${n}}`, topic: this.#topic, targets });
    this.#sent.set(n, now);
    try {
      await ask(this.#hub, 'publish', body);
    } catch (error) {
      this.#sent.delete(n);
      // What is refused once will be refused again, and each time somebody would have to look at it.
      if (error instanceof Refused && error.status >= 400 && error.status < 500 && error.status !== 429)
        this.#stopped(error);
      else this.#tell(`Not measured at the moment. ${/** @type {Error} */ (error).message}`);
    }
  }

  /** @param {Record<string, any>} signal */
  #arrived({ message }) {
    const sent = this.#sent.get(message?.n);
    if (sent === undefined) return;
    this.#sent.delete(message.n);
    this.#tell('');
    this.#measured(performance.now() - sent);
  }
}
