import createClient, { type Client } from 'openapi-fetch';
import { InksongConnectionError, toInksongError } from './errors.ts';
import { exchange, type Fetch, readWhole } from './exchange.ts';
import type { paths } from './openapi-types.ts';
import { sendUpload, type Upload } from './upload.ts';

/** Headers that say who is calling. */
type Credential = { 'X-API-Key': string } | { Authorization: string } | Record<string, never>;

/**
 * Gives `attempt` the credential and returns its answer; may attempt once more with another credential.
 * `path` is what is asked for, from the root.
 */
export type Authorize = (path: string, attempt: (credential: Credential) => Promise<Response>) => Promise<Response>;

export interface Api {
  /** Every operation by its path, typed. What is not 2xx throws `InksongError`. */
  readonly client: Client<paths>;
  /** Sends bytes and returns the JSON that answers them, unchecked; throws as `client` does. */
  upload(upload: Upload): Promise<unknown>;
  /** Returns an answer whose body has not been read yet; throws as `client` does. */
  download(path: string, signal?: AbortSignal): Promise<Response>;
}

export interface ApiOptions {
  baseUrl: string;
  fetch: Fetch;
  authorize: Authorize;
  /** Whether cookies go to another origin too, and are kept from it. */
  credentials?: 'same-origin' | 'include';
}

/** Inksong never redirects, and a redirect would carry the key to wherever it leads. */
const redirect = 'error';

/** Returns the server at `baseUrl`, as seen by whoever `authorize` says. */
export function createApi({ baseUrl, fetch, authorize, credentials = 'same-origin' }: ApiOptions): Api {
  const accepted = async (path: string, attempt: (credential: Credential) => Promise<Response>): Promise<Response> => {
    const response = await authorize(path, attempt);
    if (!response.ok) throw await toInksongError(response);
    return response;
  };
  /** A request's body can be sent once, and there may be a second attempt: each sends a copy. */
  const send = (request: Request): Promise<Response> =>
    accepted(new URL(request.url).pathname, (credential) => {
      const copy = request.clone();
      for (const [name, value] of Object.entries(credential)) copy.headers.set(name, value);
      return exchange(fetch, copy);
    });
  return {
    client: createClient<paths>({
      baseUrl,
      credentials,
      redirect,
      fetch: async (request) => readWhole(await send(request)),
    }),
    upload: async (upload) => {
      const url = baseUrl + upload.path;
      const attempt = (credential: Credential) => sendUpload(fetch, { ...upload, url, credential });
      return (await readWhole(await accepted(new URL(url).pathname, attempt))).json();
    },
    download: (path, signal) => send(new Request(baseUrl + path, { credentials, redirect, signal: signal ?? null })),
  };
}

/** Returns an answer's body. Throws `InksongConnectionError` when there is none. */
export async function bodyOf<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer;
  if (data === undefined) throw new InksongConnectionError('The answer has no body.');
  return data;
}
