/** Errors of the page's own functions, which end nothing here. */

/** @param {unknown} error */
export const report = (error) => (globalThis.reportError ?? console.error)(error);
