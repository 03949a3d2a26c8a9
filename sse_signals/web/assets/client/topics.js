/** Topic filters: their rules, and what they match. */

// What the hub refuses too: control, invisible and unpaired characters.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{DI}]/u;

/**
 * Return a topic filter as the hub compares it.
 *
 * @param {unknown} topic
 * @returns {string}
 */
export function checkTopic(topic) {
  const text = typeof topic === 'string' ? topic.normalize() : '';
  const stem = text.replace(/\*$/, '');
  if (!text || stem.includes('*') || HIDDEN.test(text) || new TextEncoder().encode(stem).length > 255) {
    throw new TypeError(`topic ${JSON.stringify(topic)} is not: visible text, at most 255 bytes, '*' only at its end`);
  }
  return text;
}

/**
 * Say whether a signal of a topic is asked for; a broadcast, which has none, always is.
 *
 * @param {string} filter
 * @param {string | undefined} topic
 */
export function matches(filter, topic) {
  return topic === undefined || topic === filter || (filter.endsWith('*') && topic.startsWith(filter.slice(0, -1)));
}
