/** One signal, whole: what it is, and the lines for a shell that are about it. */

import { listenLine, publishBody, publishLine } from './curl.js';
import { copy, make, part } from './dom.js';
import { Layout, memberText } from './json.js';
import { bytes, gap, utf8, visible } from './words.js';

/** @import { Row } from './types.js' */

/** Characters of a message that are shown at first, and that are added at a time: more would hold the page up. */
const SOME = 6_000;
const MORE = 24_000;

export class Inspector {
  #panel = part('inspect', HTMLElement);
  #hub;
  /** @type {Row | undefined} */ row;

  /** @param {() => { url: string, topics: string[], authorised: boolean }} hub says what one is connected to */
  constructor(hub) {
    this.#hub = hub;
  }

  /** @param {Row} row */
  show(row) {
    if (row === this.row) return;
    this.row = row;
    this.#panel.replaceChildren(...(row.kind === 'signal' ? this.#signal(row) : this.#other(row)));
    this.#panel.scrollTop = 0;
  }

  /** @param {Row} row @returns {Node[]} */
  #other(row) {
    const { url, topics, authorised } = this.#hub();
    const text = row.kind === 'gap' ? gap(row.data) : visible(row.data);
    const nodes = [make('p', { class: row.kind === 'gap' ? 'problem' : 'note' }, text)];
    if (row.kind !== 'gap') return nodes;
    const hint =
      'What the missing signals were about has to be fetched anew from where it is kept. All that the hub still holds:';
    return [
      ...nodes,
      make('p', { class: 'note' }, hint),
      line('', listenLine({ url, topics, authorised, since: 'all' })),
    ];
  }

  /** @param {Row} row @returns {Node[]} */
  #signal(row) {
    const { url, topics, authorised } = this.#hub();
    const message = memberText(row.data, 'message');
    const listen = listenLine({ url, topics, authorised, after: row.before });
    const body = publishBody({ message, topic: row.topic, event: row.event });
    const broadcast = row.topic === null;
    return [
      facts([
        ['Topic', broadcast ? 'none: a broadcast, which reaches every stream' : visible(row.topic ?? '')],
        ['Time', visible(row.time)],
        ['Id', visible(row.id)],
        ['Event', visible(row.event)],
        ['Size', `${bytes(utf8(message))}${message.length >= 1024 ? ` (${utf8(message)} bytes)` : ''}`],
      ]),
      make('h3', {}, 'Message'),
      shown(message),
      button('Copy the message', () => copy(message, 'The message')),
      make('h3', {}, 'Listen from just before it'),
      line('The line that listens', listen),
      make('h3', {}, 'Publish it again'),
      line('The line that publishes', publishLine({ url, body, authorised })),
      make(
        'p',
        { class: 'note' },
        'A signal does not say whom it was for. This line has no targets: it reaches all who may read the topic.',
      ),
      ...(authorised ? [make('p', { class: 'note' }, 'Set TOKEN in the shell first: export TOKEN=…')] : []),
    ];
  }
}

/** @param {[string, string][]} pairs */
function facts(pairs) {
  return make(
    'dl',
    { class: 'facts' },
    ...pairs.flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)]),
  );
}

/** @param {string} text @param {() => void} act */
function button(text, act) {
  const made = make('button', { type: 'button' }, text);
  made.addEventListener('click', act);
  return made;
}

/** A line for a shell, with a button that copies it. @param {string} what @param {string} text */
export function line(what, text) {
  const code = make('code', { tabindex: '0' }, text);
  return make(
    'div',
    { class: 'line' },
    code,
    button('Copy', () => copy(text, what || 'The line')),
  );
}

/** JSON text for people; of a long one the beginning, and more when asked. @param {string} text */
function shown(text) {
  const box = make('pre', { class: 'json', tabindex: '0', 'aria-label': 'The message as JSON' });
  const layout = new Layout(text);
  const rest = make(
    'div',
    {},
    '…\n',
    button('Show more', () => add(MORE)),
  );
  // Each addition is a block of its own, so that what is there already need not be laid out again.
  /** @param {number} limit */
  const add = (limit) => {
    const pieces = layout.more(limit).map(([kind, part]) => (kind ? make('span', { class: kind }, part) : part));
    rest.before(make('div', {}, ...pieces));
    if (!layout.done) return;
    if (rest.contains(document.activeElement)) box.focus();
    rest.remove();
  };
  box.append(rest);
  add(SOME);
  return box;
}
