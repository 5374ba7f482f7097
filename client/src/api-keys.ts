import { type Api, bodyOf } from './api.ts';
import type { operations } from './openapi-types.ts';

export type ApiKey = operations['listApiKeys']['responses'][200]['content']['application/json']['items'][number];
export type RotatedApiKey = operations['rotateApiKey']['responses'][200]['content']['application/json'];

/** An account's API keys, masked. */
export class ApiKeys {
  readonly #api: Api;

  /** @internal */
  constructor(api: Api) {
    this.#api = api;
  }

  async list(): Promise<ApiKey[]> {
    return (await bodyOf(this.#api.client.GET('/api/v1/api-keys/'))).items;
  }

  /** Replaces a key: the old one is dead, the answer's `api_key` is shown this once. */
  rotate(id: string, { reason }: { reason?: string | undefined } = {}): Promise<RotatedApiKey> {
    return bodyOf(
      this.#api.client.POST('/api/v1/api-keys/{id}/rotate', {
        params: { path: { id } },
        body: reason === undefined ? {} : { reason },
      }),
    );
  }
}
