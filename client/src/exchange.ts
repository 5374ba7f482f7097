import { InksongConnectionError } from './errors.ts';

/** The part of `fetch` that this client needs; the global one is of this type. */
export type Fetch = (request: Request) => Promise<Response>;

/** How much of an upload has been handed to the network. */
export interface UploadProgress {
  sentBytes: number;
  totalBytes: number;
}

/** Looked up at each call, so that whatever replaces the global one later counts. */
export const globalFetch: Fetch = (request) => globalThis.fetch(request);

/** Sends one request. Throws what `failureOf` makes of it when no answer came. */
export async function exchange(fetch: Fetch, request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (cause) {
    throw failureOf(request.url, request.signal, cause);
  }
}

/** Returns what to throw when no answer came: the signal's reason when it was aborted, else `InksongConnectionError`. */
export function failureOf(url: string, signal?: AbortSignal, cause?: unknown): unknown {
  if (signal?.aborted && signal.reason?.name !== 'TimeoutError') return signal.reason;
  return new InksongConnectionError(`Could not reach ${new URL(url).origin}.`, { cause: cause ?? signal?.reason });
}

/**
 * Reads an answer's JSON to its end, so that what comes back can be parsed without fail. Throws
 * `InksongConnectionError` when it broke off or is something else, such as a page that a hotel's network slipped in.
 */
export async function readWhole(response: Response): Promise<Response> {
  if (response.status === 204) return response;
  try {
    const text = await response.text();
    JSON.parse(text);
    return new Response(text, response);
  } catch (cause) {
    throw new InksongConnectionError('The answer broke off or is not of Inksong.', { cause });
  }
}
