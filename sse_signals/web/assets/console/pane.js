/** The list of signals, and what stands around it: tools, how many there are, what is said where there is none. */

import { publishBody, publishLine } from './curl.js';
import { announce, copy, part, say } from './dom.js';
import { List, tally } from './list.js';
import { Log } from './log.js';

/** @import { How } from './list.js' */
/** @import { Row } from './types.js' */
/** @typedef {{ url: string, topics: string[], authorised: boolean, open: boolean }} Target what one is connected to */

export class Pane {
  #log = new Log();
  #target;
  #list;
  #filter = part('filter', HTMLInputElement);
  #follow = part('follow', HTMLButtonElement);
  #pause = part('pause', HTMLButtonElement);
  #clear = part('clear', HTMLButtonElement);

  /**
   * @param {() => Target} target
   * @param {(row: Row, how: How) => void} choose is called with the row that was chosen
   */
  constructor(target, choose) {
    this.#target = target;
    this.#list = new List(this.#log, choose, () => this.#drawn());
    this.#tools();
  }

  /** What single keys do here. @returns {[string, string, () => void][]} */
  get keys() {
    return [
      ['/', 'filter the signals', () => this.#filter.focus()],
      ['l', 'go to the list of signals', () => part('rows', HTMLElement).focus()],
      ['p', 'pause, and go on', () => this.#pause.click()],
      ['f', 'follow the newest', () => this.#follow.click()],
      ['x', 'clear the list', () => this.#clear.click()],
    ];
  }

  /** @param {Omit<Row, 'n'>} row */
  push(row) {
    this.#log.push(row);
    this.#list.arrived();
  }

  /** Something around it has changed. */
  draw() {
    this.#list.draw();
  }

  #tools() {
    const order = part('order', HTMLSelectElement);
    order.addEventListener('change', () => {
      this.#list.newestOnTop = order.value === 'top';
      this.#list.follow(true);
    });
    this.#follow.addEventListener('click', () => this.#list.follow(!this.#list.following));
    this.#pause.addEventListener('click', () => {
      if (this.#log.paused) this.#log.resume();
      else this.#log.pause();
      announce(this.#log.paused ? 'Paused. Signals go on arriving.' : 'Going on.');
      this.#list.draw();
    });
    this.#clear.addEventListener('click', () => {
      this.#log.clear();
      announce('The list is empty.');
      this.#list.draw();
    });
    const filter = () => {
      this.#log.filter(this.#filter.value);
      this.#list.draw();
    };
    this.#filter.addEventListener('input', filter);
    part('unfilter', HTMLButtonElement).addEventListener('click', () => {
      this.#filter.value = '';
      filter();
      this.#filter.focus();
    });
    part('empty-copy', HTMLButtonElement).addEventListener('click', () =>
      copy(this.#example(), 'The line that publishes'),
    );
  }

  /** What is said around the list, once for each frame in which it changes. */
  #drawn() {
    const log = this.#log;
    say(part('foot', HTMLElement), tally(log, this.#filter.value.trim() !== ''));
    say(this.#pause, log.paused ? `Resume${log.waiting ? ` (${log.waiting})` : ''}` : 'Pause');
    this.#pause.setAttribute('aria-pressed', `${log.paused}`);
    this.#follow.setAttribute('aria-pressed', `${this.#list.following}`);
    const empty = log.signals === 0 && log.shown.length < 4; // gaps are not to be hidden by it
    part('empty', HTMLElement).hidden = !empty;
    if (empty) this.#empty();
  }

  #empty() {
    const { open } = this.#target();
    const filtered = this.#filter.value.trim() !== '';
    const line = open && !filtered;
    part('unfilter', HTMLElement).hidden = !filtered;
    part('empty-line', HTMLElement).hidden = !line;
    if (line) say(part('empty-code', HTMLElement), this.#example());
    const [text, hint] = filtered
      ? ['No signal has this text in its topic, event or message.', '']
      : open
        ? ['No signals yet.', 'They appear here as they are published: with the form (n), or in a shell:']
        : ['Nothing to see yet.', 'Name topics, or leave the field empty for everything, and connect.'];
    say(part('empty-text', HTMLElement), text);
    say(part('empty-hint', HTMLElement), hint);
  }

  /** A line that publishes something that would be seen. */
  #example() {
    const { url, topics, authorised } = this.#target();
    const topic = (topics[0] ?? '*').replace(/\*$/, topics[0]?.length > 1 ? '42' : 'hello');
    return publishLine({ url, authorised, body: publishBody({ message: '"hello world"', topic }) });
  }
}
