/** Lines for a shell. A token is never in them: where one is needed stands $TOKEN. */

import { query } from './address.js';
import { visible } from './words.js';

/** Quote text for any POSIX shell; `!` too means nothing in single quotes. @param {string} text */
export function quote(text) {
  return `'${text.replace(/'/g, `'\\''`)}'`;
}

/** @param {boolean} authorised whether a token is needed */
const bearer = (authorised) => (authorised ? ' -H "Authorization: Bearer $TOKEN"' : '');

/**
 * Return the line that listens.
 *
 * @param {{ url: string, topics: string[], authorised: boolean, after?: string, since?: string }} what
 *   `after` is the id to begin after, `since` where to begin without one
 */
export function listenLine({ url, topics, authorised, after = '', since = '' }) {
  const asked = query(topics, after ? { lastEventId: after } : { since });
  return `curl -N${bearer(authorised)} ${quote(`${url}/stream${asked && `?${asked}`}`)}`;
}

/**
 * Return the line that publishes.
 *
 * @param {{ url: string, body: string, authorised: boolean }} what the body is JSON text
 */
export function publishLine({ url, body, authorised }) {
  // In JSON an escape means the same, and no control or direction mark reaches a terminal.
  return `curl${bearer(authorised)} --json ${quote(visible(body))} ${quote(`${url}/publish`)}`;
}

/**
 * Return the body of a publish request.
 *
 * @param {{ message: string, topic?: string | null, event?: string, targets?: string[] }} signal
 *   the message is JSON text, which stays as it is; without targets it is for everyone
 */
export function publishBody({ message, topic, event, targets }) {
  const members = [];
  if (topic) members.push(`"topic":${JSON.stringify(topic)}`);
  if (event && event !== 'message') members.push(`"event":${JSON.stringify(event)}`);
  if (targets?.length) members.push(`"targetOwnershipEntityRefs":${JSON.stringify(targets)}`);
  return `{${[...members, `"message":${message}`].join(',')}}`;
}
