/** Single keys that do something, where nobody types. */

import { make, part } from './dom.js';

/** @param {EventTarget | null} target */
const typing = (target) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/**
 * Let keys work, and list them in the dialog.
 *
 * @param {[key: string, what: string, act: () => void][]} all
 */
export function keys(all) {
  const help = part('help', HTMLDialogElement);
  const on = part('keys-on', HTMLInputElement);
  const open = () => help.showModal();
  part('help-open', HTMLButtonElement).addEventListener('click', open);
  /** @type {Map<string, () => void>} */
  const acts = new Map([...all.map(([key, , act]) => /** @type {const} */ ([key, act])), ['?', open]]);
  for (const [key, what] of [...all, ['?', 'this list']]) {
    part('keys', HTMLElement).append(make('dt', {}, make('kbd', {}, `${key}`)), make('dd', {}, `${what}`));
  }
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
    if (event.key === 'Escape' && typing(event.target)) {
      event.preventDefault(); // a browser would empty a search field, and tell nobody
      return /** @type {HTMLElement} */ (event.target).blur();
    }
    const act = on.checked && !typing(event.target) && !event.defaultPrevented ? acts.get(event.key) : undefined;
    if (!act) return;
    event.preventDefault();
    act();
  });
}
