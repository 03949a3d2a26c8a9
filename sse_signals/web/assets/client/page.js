/** What happens to the page and its machine. */

/**
 * @param {(event: Event) => void} listener
 * @returns {AbortController} ends it
 */
export function watchPage(listener) {
  const end = new AbortController();
  // What a document is told passes its window, if not in the other direction.
  const options = { signal: end.signal, capture: true };
  for (const name of 'online offline visibilitychange pagehide freeze pageshow resume'.split(' ')) {
    globalThis.addEventListener?.(name, listener, options);
  }
  return end;
}
