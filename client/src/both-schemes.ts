import { type Api, bodyOf } from './api.ts';
import { Documents } from './documents.ts';
import type { operations } from './openapi-types.ts';

export type Me = operations['getMe']['responses'][200]['content']['application/json'];
export type Usage = operations['getUsage']['responses'][200]['content']['application/json'];

/** What may be asked with a key and with a session alike. */
export class BothSchemes {
  readonly documents: Documents;
  readonly #api: Api;

  /** @internal */
  constructor(api: Api) {
    this.#api = api;
    this.documents = new Documents(api);
  }

  /** Who is calling, and by which scheme. */
  me(): Promise<Me> {
    return bodyOf(this.#api.client.GET('/api/v1/me'));
  }

  /** Requests a day, by scheme and outcome; by default of the last 30 days. */
  usage({ days }: { days?: number | undefined } = {}): Promise<Usage> {
    return bodyOf(this.#api.client.GET('/api/v1/usage/', { params: { query: days === undefined ? {} : { days } } }));
  }
}
