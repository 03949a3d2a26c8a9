const FIRST_WAIT = 100; // milliseconds; doubled with every attempt
const LONGEST_WAIT = 1000;

/** One signal on its way to the hub. */
export interface Sending {
  body: string;
  token: string;
  /** By which the hub knows a repetition. */
  key: string;
  /** Milliseconds for all attempts together. */
  timeout: number;
  /** One attempt only. */
  once: boolean;
}

/** The hub cannot take a signal at the moment. */
class Unavailable extends Error {
  override readonly name = 'Unavailable';
  constructor(
    message: string,
    /** Milliseconds after which the hub wants to be asked again. */
    readonly after: number = 0,
  ) {
    super(message);
  }
}

/**
 * Posts a signal, again where that may help.
 *
 * @returns Undefined when the hub has it, or why the hub does not want it.
 * @throws The last failure, when the hub could not take it in time.
 */
export async function send(url: string, sending: Sending): Promise<string | undefined> {
  const end = Date.now() + sending.timeout;
  for (let longest = FIRST_WAIT; ; longest = Math.min(LONGEST_WAIT, 2 * longest)) {
    try {
      return await post(url, sending, end);
    } catch (error) {
      const after = error instanceof Unavailable ? error.after : 0;
      const wait = Math.max(after, Math.random() * longest);
      if (sending.once || Date.now() + wait >= end) {
        throw error;
      }
      await new Promise(resolve => setTimeout(resolve, wait));
    }
  }
}

async function post(url: string, { body, token, key, timeout }: Sending, end: number): Promise<string | undefined> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', 'Idempotency-Key': key },
    body,
    redirect: 'manual', // the token is for the hub, and for nobody that it, or somebody else, points to
    // One attempt must not take all the time: the next one may find a connection that works.
    signal: AbortSignal.timeout(Math.max(1, Math.min(end - Date.now(), Math.ceil(timeout / 2)))),
  });
  const text = await response.text(); // always, since only then the connection can be used again
  if (response.ok) {
    return undefined;
  }
  const told = `${response.status} ${described(response, text)}`;
  if (response.status === 429 || response.status >= 500) {
    throw new Unavailable(told, milliseconds(response.headers.get('Retry-After')));
  }
  return told;
}

/** In the hub's own words, or if it is not the hub that answers, what that may mean. */
function described(response: Response, text: string): string {
  if (response.headers.get('Content-Type')?.startsWith('application/problem+json')) {
    try {
      const { title, detail, hint } = JSON.parse(text) as Record<string, unknown>;
      return [title, detail, hint].filter(part => typeof part === 'string').join(' ');
    } catch {
      // It was cut short: described like any other answer.
    }
  }
  const where = response.headers.get('Location');
  const moved = where === null ? '' : `, which leads to ${where}`;
  return `${response.statusText} (not an answer of a hub${moved}; check signalsHub.baseUrl)`;
}

/** `Retry-After` in seconds; as a date it is not worth its parser, since the hub does not send one. */
function milliseconds(retryAfter: string | null): number {
  const seconds = Number(retryAfter ?? 0);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0;
}
