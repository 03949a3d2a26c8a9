/**
 * Requests to the hub, what its refusals mean, and when to try again.
 *
 * @import { Host } from './internal.js'
 * @import { Problem } from '../client.js'
 */

/** Milliseconds that a stream is backed off at most. */
export const LONGEST = 30e3;

/**
 * @param {number} base milliseconds
 * @param {number} n how often it has failed before
 */
export const backoff = (base, n) => Math.random() * Math.min(LONGEST, base * 2 ** n);

/**
 * Return the URL of a hub, without a slash at its end; its path is '/signals' unless it says another.
 *
 * @param {any} url
 */
export function hubUrl(url) {
  // What begins otherwise is a path beside that of the page, and was hardly meant to be.
  const href = /^(https?:[/])?[/]/i.test(url) ? new URL(url, globalThis.location?.href).href : '';
  const [, origin, path] = /^(https?:[/]{2}[^/@]+)([/][^?#]*?)[/]*$/.exec(href) ?? [];
  if (!origin) throw new TypeError("url is no 'https://...' or '/...' without user, query, fragment");
  return origin + (path === '/' ? '/signals' : path);
}

/**
 * Return what asks for topics; nothing where that would be too long, which asks for all there is.
 *
 * @param {string[]} topics
 */
export function query(topics) {
  const text = `${new URLSearchParams(topics.sort().map((topic) => ['topic', topic]))}`;
  // The hub takes 64 filters, and a request line has to stay below 8 KiB.
  return topics.length > 64 || text.length > 4000 ? '' : text;
}

/**
 * Send a request, with the token that was given last.
 *
 * @param {Host} host
 * @param {string} path
 * @param {AbortSignal} signal
 * @param {Record<string, string> | ''} headers
 * @param {string} [method]
 */
export function request({ url, credentials, tokens: { last } }, path, signal, headers, method) {
  return fetch(url + path, {
    method,
    signal,
    credentials,
    headers: { ...headers, ...(last && { Authorization: `Bearer ${last}` }) },
    cache: 'no-store',
    redirect: 'manual', // or the token might go anywhere
  });
}

/**
 * Say what an answer other than 200 means; `after` is how many milliseconds it tells to wait.
 *
 * @param {Response} response
 * @returns {Promise<{ reason: string, problem?: Problem, after?: number }>}
 */
export async function refusal(response) {
  const { status, headers } = response;
  if (/^[03]/.test(`${status}`)) return { reason: 'redirected' };
  const problem = await response.json().catch(() => 0);
  const told = headers.get('Retry-After') ?? '';
  const after = Math.min(300e3, Math.max(0, +told * 1e3 || Date.parse(told) - Date.now()) || 0);
  if (typeof problem?.type !== 'string') return { reason: `http-${status}`, after }; // it is not the hub who says so
  return { reason: problem.type.replace(/.*:/, ''), problem, after };
}

/**
 * Get a new token, and let a stream go on with it.
 *
 * @param {Host} host
 * @param {string} path where
 * @param {AbortSignal} signal of the stream's end
 */
export async function renew(host, path, signal) {
  for (let n = 0; host.tokens.renewable && !signal.aborted; n++) {
    try {
      await host.tokens.fresh();
      if (signal.aborted) return;
      const response = await request(host, path, signal, {}, 'POST');
      await response.text(); // or it would hold its connection
      if (response.ok) return;
    } catch {
      // it cannot be had, or the hub not be reached
    }
    await sleep(backoff(1e3, n), signal);
  }
}

/**
 * Wait.
 *
 * @param {number | undefined} ms without it only the signal ends it
 * @param {AbortSignal} signal cuts it short
 * @returns {Promise<void>}
 */
export function sleep(ms, signal) {
  return new Promise((resolve) => {
    const timer = ms === undefined ? ms : setTimeout(resolve, ms);
    signal.addEventListener('abort', () => resolve(clearTimeout(timer)));
  });
}
