/** Requests that have one answer. */

import { refusal } from '../client/request.js';
import { cut, NO_HUB, said, why } from './words.js';

/** @import { Problem } from './types.js' */

/** Milliseconds that an answer may take. */
const PATIENCE = 15e3;

/** A request that failed: its message is a sentence. */
export class Refused extends Error {
  /** @param {number} status 0 where there was no answer @param {string} reason @param {Problem} [problem] */
  constructor(status, reason, problem) {
    super(status || problem ? why(reason, problem) : reason);
    this.status = status;
    this.problem = problem;
  }
}

/**
 * Say what an answer other than 200 means. Anything may answer here: of its problem only what is text is taken.
 *
 * @param {Response} response
 * @returns {Promise<{ reason: string, problem?: Problem, after?: number }>}
 */
export async function refused(response) {
  const { reason, problem, after } = await refusal(response);
  if (!problem) return { reason, after };
  const { type, title, detail, hint, errors } = /** @type {Record<string, any>} */ (problem);
  const read = { title: said(title), detail: said(detail), hint: said(hint) };
  const list = Array.isArray(errors) ? errors.slice(0, 20) : [];
  return { reason: cut(reason), problem: { type, status: response.status, ...read, errors: list }, after };
}

/**
 * Ask the hub, and return the JSON that it answers.
 *
 * @param {{ url: string, token: string }} hub
 * @param {string} path
 * @param {string} [body] JSON text to post
 * @returns {Promise<any>}
 * @throws {Refused} if it says no, or nothing
 */
export async function ask({ url, token }, path, body) {
  let response;
  try {
    response = await fetch(`${url}/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      body,
      cache: 'no-store',
      redirect: 'manual',
      credentials: token ? 'omit' : 'same-origin',
      headers: {
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(token && { Authorization: `Bearer ${token}` }),
      },
      signal: AbortSignal.timeout(PATIENCE),
    });
    if (response.ok) return await response.json();
  } catch (error) {
    throw new Refused(0, silence(error));
  }
  const { reason, problem } = await refused(response);
  // A redirect that is not followed has the status 0, like silence, of which only a sentence is told.
  throw new Refused(response.status, response.status ? reason : why(reason), problem);
}

/** @param {unknown} error */
function silence(error) {
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return 'There was no answer for 15 s. Over HTTP/1.1 a browser opens six connections to a hub: close some tabs.';
  }
  return error instanceof SyntaxError ? NO_HUB : why('network');
}
