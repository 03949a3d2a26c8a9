/** What one asks for, as people write it, and as it stands in the fragment of the page's URL. */

import { checkTopic } from '../client/topics.js';

/** Filters that one stream may have. */
export const MOST = 64;
const SINCE = /^(all|-[1-9]\d{0,5}|[1-9]\d{0,8}[smhd]|\d{4}-\d\d-\d\dT\S+)$/;

/**
 * Read topic filters: separated by spaces or commas, one that holds such in double quotes, as a JSON string.
 *
 * @param {string} text
 * @returns {string[]}
 * @throws {TypeError} if one breaks a rule
 */
export function readTopics(text) {
  const found = [...text.matchAll(/"(?:[^"\\]|\\.)*"|[^\s,]+/g)].map(([part]) => unquoted(part));
  const topics = [...new Set(found.filter(Boolean).map(checkTopic))];
  if (topics.length > MOST)
    throw new TypeError(`There are more than ${MOST} topic filters. Use a prefix such as orders/*.`);
  return topics;
}

/** @param {string} part */
function unquoted(part) {
  if (!part.startsWith('"')) return part;
  try {
    return `${JSON.parse(part)}`;
  } catch {
    throw new TypeError(`${part} is not in double quotes from its beginning to its end.`);
  }
}

/** Write topic filters so that `readTopics` reads the same. @param {string[]} topics */
export function writeTopics(topics) {
  return topics.map((topic) => (/[\s,]|^"/.test(topic) ? JSON.stringify(topic) : topic)).join(' ');
}

/**
 * Read where to start.
 *
 * @param {string} text '' or 'live' is live
 * @throws {TypeError} if it is none of the forms
 */
export function readSince(text) {
  const since = text.trim() === 'live' ? '' : text.trim();
  if (since && !SINCE.test(since)) {
    throw new TypeError(
      'Start is live, all, -20 (so many), 10m (s, m, h or d ago), or a time like 2026-01-31T12:00:00Z.',
    );
  }
  return since;
}

/**
 * Read the fragment of a URL.
 *
 * @param {string} hash
 * @returns {{ topics: string, since: string } | undefined} as they stand in the form; undefined if it speaks of neither
 */
export function readFragment(hash) {
  const query = new URLSearchParams(hash.replace(/^#/, ''));
  if (!query.has('topic') && !query.has('since')) return undefined;
  return { topics: writeTopics(query.getAll('topic').filter(Boolean)), since: query.get('since') ?? '' };
}

/** Write a fragment that `readFragment` reads. @param {string[]} topics @param {string} since */
export function writeFragment(topics, since) {
  const parts = (topics.length ? topics : ['*']).map((topic) => `topic=${plain(topic)}`);
  return `#${[...parts, ...(since ? [`since=${plain(since)}`] : [])].join('&')}`;
}

/** Return the query that asks a hub for topics. @param {string[]} topics @param {Record<string, string>} more */
export function query(topics, more) {
  const pairs = [...topics.map((topic) => ['topic', topic]), ...Object.entries(more).filter(([, value]) => value)];
  return pairs.map(([name, value]) => `${name}=${plain(value)}`).join('&');
}

/** Encode a value for a query so that people can still read it. @param {string} text */
function plain(text) {
  return encodeURIComponent(text)
    .replace(/[!'()]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%2F/g, '/')
    .replace(/%3A/g, ':');
}
