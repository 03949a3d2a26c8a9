/** The page's parts. Text only ever becomes text: nothing here reads markup. */

/**
 * Return the part of the page with an id.
 *
 * @template {Element} T
 * @param {string} id
 * @param {{ new (): T, prototype: T }} type
 * @returns {T}
 */
export function part(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new TypeError(`There is no ${type.name} with the id ${id}.`);
  return found;
}

/**
 * Make an element.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/**
 * Put elements of a parent into the order in which they are seen: it is that in which they are read out.
 *
 * @param {Element} parent
 * @param {Element[]} elements
 * @param {boolean} above whether new ones come above the others: looked at from there, only the new ones are moved
 */
export function arrange(parent, elements, above) {
  /** @type {Element | null} */
  let beside = null;
  for (const element of above ? elements : [...elements].reverse()) {
    const [there, next] = above
      ? [element.previousElementSibling, beside ? beside.nextElementSibling : parent.firstElementChild]
      : [element.nextElementSibling, beside];
    if (there !== beside) parent.insertBefore(element, next);
    beside = element;
  }
}

/** Set an element's text, if it is another. @param {Element} element @param {string} text */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Say something to who does not see it, too; once, and not for each signal. @param {string} text */
export function announce(text) {
  say(part('announcement', HTMLElement), text);
}

/**
 * Copy text, and say so.
 *
 * @param {string} text
 * @param {string} what it is, as in 'The message'
 */
export async function copy(text, what) {
  try {
    if (navigator.clipboard?.writeText) await navigator.clipboard.writeText(text);
    else copyOld(text); // over http there is no clipboard but for localhost
    announce(`${what} was copied.`);
    toast(`${what} was copied.`);
  } catch {
    toast('The browser does not let the page copy. Select the text, and copy it yourself.');
  }
}

/** @param {string} text */
function copyOld(text) {
  const area = make('textarea', { class: 'unseen', 'aria-hidden': 'true' });
  area.value = text;
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  if (!done) throw new Error('not copied');
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let fading;

/** Show a sentence for some seconds. @param {string} text */
export function toast(text) {
  const shown = part('toast', HTMLElement);
  say(shown, text);
  shown.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => (shown.hidden = true), 4000);
}

/**
 * Make tabs of buttons with `role=tab` in a tablist (WAI-ARIA: arrows move, the chosen one is in the tab order).
 *
 * @param {HTMLElement} tablist
 * @returns {(id: string) => void} what chooses a tab
 */
export function tabs(tablist) {
  const all = [...tablist.querySelectorAll('button')];
  /** @param {string} id */
  const choose = (id) => {
    for (const tab of all) {
      const chosen = tab.id === id;
      tab.setAttribute('aria-selected', `${chosen}`);
      tab.tabIndex = chosen ? 0 : -1;
      part(`${tab.getAttribute('aria-controls')}`, HTMLElement).hidden = !chosen;
    }
  };
  for (const [n, tab] of all.entries()) {
    tab.addEventListener('click', () => choose(tab.id));
    tab.addEventListener('keydown', ({ key }) => {
      const to = { ArrowRight: n + 1, ArrowLeft: n - 1, Home: 0, End: all.length - 1 }[key];
      if (to === undefined) return;
      const next = /** @type {HTMLButtonElement} */ (all.at(to % all.length));
      choose(next.id);
      next.focus();
    });
  }
  return choose;
}
