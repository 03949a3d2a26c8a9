/** Words and numbers for people. */

// What shows nothing, or turns the direction of the text around it. A joiner that makes one picture of two may stay.
const PICTURE = String.raw`\p{Extended_Pictographic}`;
const JOINER = String.raw`(?<=${PICTURE}[\u{1F3FB}-\u{1F3FF}\uFE0F]?)\u200D(?=${PICTURE})`;
const NOTHING = String.raw`[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u034F\u115F\u1160\u17B4\u17B5\u3164\uFFA0]`;
const HIDDEN = new RegExp(`(?!${JOINER})${NOTHING}`, 'gu');

/**
 * Return text in which everything can be seen: what shows nothing is written as in JSON, like \u202e. In JSON text that
 * is the same value.
 *
 * @param {string} text
 */
export function visible(text) {
  return text.replace(HIDDEN, (hidden) =>
    hidden
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

/** Return text of which no more than some characters are left. @param {string} text @param {number} [most] */
export function cut(text, most = 600) {
  return text.length > most ? `${text.slice(0, most).replace(/[\uD800-\uDBFF]$/, '')} …` : text;
}

/**
 * Return what somebody unknown says where a sentence, a name or a number is meant; '' if it is nothing of the kind.
 *
 * @param {unknown} value of JSON: an object may well be one that cannot be made text
 */
export function said(value) {
  return typeof value === 'string' || typeof value === 'number' ? cut(`${value}`) : '';
}

const NUMBERS = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 1 });

/** @param {number} value */
export function count(value) {
  return Number.isFinite(value) ? NUMBERS.format(value) : '–';
}

/** @param {number} value bytes */
export function bytes(value) {
  if (!Number.isFinite(value)) return '–';
  let unit = 0;
  while (value >= 1024 && unit < 4) ((value /= 1024), unit++);
  return `${NUMBERS.format(value)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit]}`;
}

/** @param {number} value seconds */
export function duration(value) {
  if (!Number.isFinite(value)) return '–';
  const whole = Math.floor(Math.max(0, value));
  if (whole < 10) return `${NUMBERS.format(Math.max(0, value))} s`;
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** @param {number} value milliseconds */
export function latency(value) {
  return Number.isFinite(value) ? `${NUMBERS.format(value)} ms` : '–';
}

/** Return the time of day of an RFC 3339 time in UTC. @param {string} time */
export function clock(time) {
  return /^\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d(\.\d{1,3})?)\d*Z$/.exec(time)?.[1] ?? visible(time.slice(0, 40));
}

const size = new TextEncoder();

/** Return the bytes that text has in UTF-8. @param {string} text */
export function utf8(text) {
  return size.encode(text).length;
}

/** What is said of an answer that cannot be read. */
export const NO_HUB = "The answer is none of a hub's: something else answers here.";

/** Milliseconds without an answer after which one would like to know why. */
const SLOW = 5e3;

/** Say why there may be no answer; '' before it is late. @param {number} ms for which it has been waited */
export function overdue(ms) {
  if (ms <= SLOW) return '';
  return 'There is no answer yet. Over HTTP/1.1 a browser opens six connections to a hub: close other tabs of it.';
}

/** What one reads of the short names of causes. @type {Record<string, string>} */
const REASONS = {
  network: 'The hub cannot be reached, or the connection broke.',
  ended: 'The stream ended without a word, as at the time limit of a proxy.',
  silence: 'Nothing came for two heartbeats, so the connection was given up.',
  redirected: 'Something between the page and the hub answers with a redirect, maybe to a sign-in.',
  'not-a-stream': 'Something other than a hub answers here.',
  'too-large': 'A signal is larger than the console reads (1 MiB). Connect live, after it.',
  'bad-token': 'A token is visible ASCII without spaces. Paste it again.',
  disconnected: 'Disconnected.',
  shutdown: 'The hub is shutting down or starting again.',
  starting: 'The hub is starting.',
  full: 'The hub has as many streams as it takes.',
  'identity-streams': 'You have as many streams open as one identity may have.',
  'address-streams': 'Your address has as many streams open as it may have.',
  'failed-authentications': 'Too many tokens from your address were refused. Wait a minute.',
  'issuer-unavailable': 'Whoever issues the tokens cannot be reached by the hub.',
  expired: 'The token has expired. Paste a fresh one, and connect.',
  revoked: 'The token was revoked. Paste another one, and connect.',
  'not-granted': 'The token no longer grants these topics.',
};

/** Say why a connection ended. @param {string | undefined} reason @param {import('./types.js').Problem} [problem] */
export function why(reason = '', problem) {
  if (problem) {
    const what = problem.detail || problem.title || NO_HUB;
    const next = problem.status === 401 ? 'Paste a token, and connect.' : problem.hint;
    return visible([what, next].filter(Boolean).join(' '));
  }
  const status = /^http-(\d{3})$/.exec(reason)?.[1];
  if (status) return `Something between the page and the hub answers with status ${status}.`;
  return (Object.hasOwn(REASONS, reason) && REASONS[reason]) || visible(`The hub said: ${reason}.`);
}

/** What one reads of the reasons of a gap. @type {Record<string, string>} */
const GAPS = {
  trimmed: 'the hub no longer holds them',
  epoch: 'the log was lost or began anew',
  'unknown-id': 'the hub does not know where to go on',
};

/** Say what is missing. @param {string} data of signals.gap */
export function gap(data) {
  const { reason, from, to } = record(data);
  const cause = (Object.hasOwn(GAPS, said(reason)) && GAPS[said(reason)]) || `reason: ${said(reason)}`;
  const since = said(from) && `; missing since ${said(from)}`;
  return visible(`Signals are missing: ${cause}. It goes on after ${said(to)}${since}.`);
}

/** Read a JSON object; anything else is an empty one. @param {string} text @returns {Record<string, any>} */
export function record(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}
