/**
 * Who gets what: the subscriptions of one page.
 *
 * @import { Callbacks, SignalEvent, Status, StatusDetail } from '../client.js'
 * @import { Block } from './internal.js'
 * @typedef {{ topic: string, onSignal: (message: any, event: SignalEvent) => void, told?: Status } & Callbacks} Subscription
 */

import { report } from './report.js';
import { matches } from './topics.js';

/** @extends {Set<Subscription>} */
export class Subscriptions extends Set {
  get topics() {
    return [...this].map(({ topic }) => topic);
  }

  /**
   * Let everybody know whose status has changed.
   *
   * @param {(topic: string) => [Status, StatusDetail]} statusOf
   */
  tell(statusOf) {
    this.#each((subscription) => {
      const [status, detail] = statusOf(subscription.topic);
      if (status === subscription.told) return;
      subscription.told = status;
      subscription.onStatus?.(status, detail);
    });
  }

  /**
   * Give a gap to everybody.
   *
   * @param {Block} block
   */
  gap({ data }) {
    const gap = JSON.parse(data);
    this.#each(({ onGap }) => onGap?.(gap));
  }

  /**
   * Give a signal to whom it concerns.
   *
   * @param {Block} block
   */
  signal({ id, event, data }) {
    const { topic, time, message } = JSON.parse(data);
    const signal = { id, topic, time, event, message };
    this.#each((subscription) => matches(subscription.topic, topic) && subscription.onSignal(message, signal));
  }

  /**
   * Call back; what one callback throws does not concern the others, and what it ends is ended.
   *
   * @param {(subscription: Subscription) => void} callback
   */
  #each(callback) {
    for (const subscription of [...this]) {
      try {
        if (this.has(subscription)) callback(subscription);
      } catch (error) {
        report(error);
      }
    }
  }
}
