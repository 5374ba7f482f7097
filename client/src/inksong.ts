import { createApi } from './api.ts';
import { resolveBaseUrl } from './base-url.ts';
import { BothSchemes } from './both-schemes.ts';
import { refuseKeyInBrowser } from './browser.ts';
import { type Fetch, globalFetch } from './exchange.ts';

export interface InksongOptions {
  /** `ink_` and 48 hexadecimal digits, from the environment or a secrets manager. */
  apiKey: string;
  /** By default http://localhost:8080. */
  baseUrl?: string;
  /** By default the global one. */
  fetch?: Fetch;
}

/** Inksong with an API key: for programs on servers. */
export class Inksong extends BothSchemes {
  /** Throws TypeError in browsers, and for a key or an address that cannot be one; never repeats the key. */
  constructor({ apiKey, baseUrl = 'http://localhost:8080', fetch = globalFetch }: InksongOptions) {
    refuseKeyInBrowser();
    // fetch would refuse such a header too, and put the key into its message.
    if (typeof apiKey !== 'string' || !/^[\x21-\x7e]+$/.test(apiKey)) {
      throw new TypeError('apiKey must be the key itself, without spaces; is the variable it comes from set?');
    }
    super(
      createApi({
        baseUrl: resolveBaseUrl(baseUrl),
        fetch,
        authorize: (_path, attempt) => attempt({ 'X-API-Key': apiKey }),
      }),
    );
  }
}
