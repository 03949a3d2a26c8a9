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
 * @param {Pick<Host, 'url' | 'credentials'>} host
 * @param {string} path
 * @param {AbortSignal} signal
 * @param {string | null | undefined} token
 * @param {Record<string, string> | ''} [headers]
 * @param {string} [method]
 */
export function request({ url, credentials }, path, signal, token, headers, method) {
  return fetch(url + path, {
    method,
    signal,
    credentials,
    headers: { ...headers, ...(token && { Authorization: `Bearer ${token}` }) },
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
  if (!status || (status > 299 && status < 400)) return { reason: 'redirected' };
  const problem = await response.json().catch(() => 0);
  const told = headers.get('Retry-After') ?? '';
  const after = Math.max(0, /^\d+$/.test(told) ? +told * 1e3 : Date.parse(told) - Date.now()) || 0;
  if (typeof problem?.type !== 'string') return { reason: `http-${status}`, after }; // it is not the hub who says so
  return { reason: problem.type.slice(problem.type.lastIndexOf(':') + 1), problem, after };
}

/**
 * Let a stream go on with a new token.
 *
 * @param {Host} host
 * @param {string} path
 * @param {AbortSignal} signal of the stream's end
 */
export async function renew(host, path, signal) {
  for (let n = 0; host.tokens.renewable && !signal.aborted; n++) {
    try {
      const token = await host.tokens.fresh();
      if (signal.aborted) return;
      const response = await request(host, path, signal, token, {}, 'POST');
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
 * @param {number} ms
 * @param {AbortSignal} signal cuts it short
 * @returns {Promise<void>}
 */
function sleep(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => resolve(clearTimeout(timer)));
  });
}
