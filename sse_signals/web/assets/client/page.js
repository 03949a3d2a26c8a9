/** What happens to the page and its machine. */

/**
 * @param {object} listeners
 * @param {() => void} listeners.look it may have slept, or have a network again
 * @param {() => void} listeners.offline
 * @param {() => void} listeners.halt it is put away, and must hold nothing
 * @param {() => void} listeners.back
 * @returns {AbortController} ends it
 */
export function watchPage({ look, offline, halt, back }) {
  const end = new AbortController();
  const page = globalThis.document;
  for (const [target, name, listener] of /** @type {[EventTarget, string, () => void][]} */ ([
    [globalThis, 'online', look],
    [globalThis, 'offline', offline],
    [page, 'visibilitychange', look],
    [globalThis, 'pagehide', halt],
    [page, 'freeze', halt],
    [globalThis, 'pageshow', back],
    [page, 'resume', back],
  ])) {
    target?.addEventListener?.(name, listener, end);
  }
  return end;
}
