import { type Api, bodyOf } from './api.ts';
import type { operations } from './openapi-types.ts';

export type Session = operations['listSessions']['responses'][200]['content']['application/json']['items'][number];

/** Where an account is signed in. */
export class Sessions {
  readonly #api: Api;

  /** @internal */
  constructor(api: Api) {
    this.#api = api;
  }

  async list(): Promise<Session[]> {
    return (await bodyOf(this.#api.client.GET('/api/v1/auth/sessions/'))).items;
  }

  /** Ends one: it is refused from its next request on. */
  async end(id: string): Promise<void> {
    await this.#api.client.DELETE('/api/v1/auth/sessions/{id}', { params: { path: { id } } });
  }

  /** Ends all but this one. */
  async endOthers(): Promise<void> {
    await this.#api.client.DELETE('/api/v1/auth/sessions/');
  }
}
