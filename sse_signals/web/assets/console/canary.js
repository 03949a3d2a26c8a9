/**
 * The canary: a small signal that the page publishes to a topic of its own, to see how long it takes to come back on
 * the page's stream. It goes to nobody else, where the hub knows who publishes it.
 */

import { MOST } from './address.js';
import { publishBody } from './curl.js';
import { ask, Refused } from './requests.js';
import { visible } from './words.js';

/** @import { Perch, State, Wish } from './types.js' */

const HOME = 'signals-console/';
const PREFIX = `${HOME}canary-`;
/** Milliseconds between two canaries, and after which one is taken for lost. */
const EVERY = 2e3;
const LOST = 10e3;

/** What a stream has that may not listen to a canary. @type {Perch} */
export const NO_PERCH = { topic: '', why: `Not measured: this needs the grant to subscribe to ${HOME}*.` };

/** Say whether a topic is that of a canary, anybody's. @param {string | null} topic */
export const isCanary = (topic) => topic !== null && topic.startsWith(PREFIX);

/**
 * Choose the topic of a new stream's canary, which nobody else has, and which nothing was ever published to.
 *
 * @param {string[]} topics that the stream asks for
 * @param {boolean} pressed whether somebody has connected by hand: nothing is published because of a link alone
 * @returns {Perch}
 */
export function perch(topics, pressed) {
  if (!pressed) return { topic: '', why: 'Off until you connect by hand.' };
  if (topics.length >= MOST) return { topic: '', why: `Not measured: ${MOST} topics leave no room for the canary's.` };
  const chance = crypto.getRandomValues(new Uint32Array(3));
  return { topic: PREFIX + chance.reduce((text, n) => text + n.toString(36), ''), why: '' };
}

/** Return the topics of a stream that has a canary. @param {string[]} topics @param {Perch} perch */
export function withCanary(topics, { topic }) {
  return topic ? [...(topics.length ? topics : ['*']), topic] : topics;
}

/**
 * Say whether a stream ended because of its canary: without it, it may go on.
 *
 * @param {State} state
 * @param {Perch} perch
 */
export function refusesCanary({ status, reason, problem }, { topic }) {
  if (!topic || status !== 'closed') return false;
  if (!problem) return reason === 'not-granted';
  return problem.status === 403 && (problem.errors ?? []).some((one) => JSON.stringify(one).includes(topic));
}

export class Canary {
  #hub;
  #topic;
  #measured;
  #tell;
  /** When each was published. @type {Map<number, number>} */ #sent = new Map();
  #n = 0;
  /** Whether one is being published: a slow hub is not asked again meanwhile, a browser has six connections to it. */
  #asking = false;
  /** Whether it was refused: it will be again, and each time somebody would have to look at it. */
  #refused = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;

  /**
   * @param {Pick<Wish, 'url' | 'token'>} hub
   * @param {string} topic of its own, to which the page's stream listens
   * @param {(ms: number) => void} measured
   * @param {(what: string) => void} tell gets a sentence when it cannot be measured, and '' when it can
   */
  constructor(hub, topic, measured, tell) {
    this.#hub = hub;
    this.#topic = topic;
    this.#measured = measured;
    this.#tell = tell;
  }

  /** Publish one now, and one every two seconds. @param {string | null} subject whose the stream is */
  start(subject) {
    if (this.#timer !== undefined || this.#refused) return;
    this.#timer = setInterval(() => this.#publish(subject), EVERY);
    this.#publish(subject);
  }

  /** Publish none any more; those that are under way are not waited for. */
  stop() {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#sent.clear();
  }

  /** Take what has come on its topic. @param {Record<string, any>} signal */
  arrived({ message }) {
    const sent = this.#sent.get(message?.n);
    if (sent === undefined) return;
    this.#sent.delete(message.n);
    this.#tell('');
    this.#measured(performance.now() - sent);
  }

  /** @param {string | null} subject */
  async #publish(subject) {
    const known = typeof subject === 'string';
    const now = performance.now();
    for (const [n, at] of this.#sent) {
      if (now - at < LOST) continue;
      this.#sent.delete(n);
      const whom = known ? ` It is for ${visible(subject)}: does that own itself?` : '';
      this.#tell(`A canary was published, and did not arrive within 10 s.${whom}`);
    }
    if (this.#asking) return;
    this.#asking = true;
    const n = ++this.#n;
    const body = publishBody({ message: `{"n":${n}}`, topic: this.#topic, targets: known ? [subject] : [] });
    this.#sent.set(n, now);
    try {
      await ask(this.#hub, 'publish', body);
    } catch (error) {
      this.#sent.delete(n);
      this.#failed(/** @type {Error} */ (error));
    } finally {
      this.#asking = false;
    }
  }

  /** @param {Error} error */
  #failed(error) {
    const { status = 0, problem } = error instanceof Refused ? error : {};
    const passing = status < 400 || status >= 500 || status === 429;
    if (passing) return this.#tell(`Not measured at the moment. ${error.message}`);
    this.#refused = true;
    this.stop();
    const needed = /:not-granted$/.test(problem?.type ?? '');
    this.#tell(
      needed ? `Not measured: this needs the grant to publish to ${HOME}*.` : `Not measured. ${error.message}`,
    );
  }
}
