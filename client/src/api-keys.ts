import { type Api, bodyOf } from './api.ts';
import type { operations } from './openapi-types.ts';

export type ApiKey = operations['listApiKeys']['responses'][200]['content']['application/json']['items'][number];
export type RotatedApiKey = operations['rotateApiKey']['responses'][200]['content']['application/json'];

export type AllowedIpsPreview = operations['previewAllowedIps']['responses'][200]['content']['application/json'];

/** Addresses and CIDRs from which alone a key may be used; null: from any address. */
export type AllowedIps = readonly string[] | null;

/** What is not given stays as it is. */
export interface ApiKeyChange {
  name?: string | undefined;
  allowed_ips?: AllowedIps | undefined;
}

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

  /** Renames a key or says where it may be used from, from its next request on. Throws `reauthentication_required`. */
  update(id: string, { name, allowed_ips }: ApiKeyChange): Promise<ApiKey> {
    const body = {
      ...(name !== undefined && { name }),
      ...(allowed_ips !== undefined && { allowed_ips: allowed_ips && [...allowed_ips] }),
    };
    return bodyOf(this.#api.client.PATCH('/api/v1/api-keys/{id}', { params: { path: { id } }, body }));
  }

  /** Tells whom a list would shut out of those who have used the key lately; changes nothing. */
  previewAllowedIps(id: string, { allowed_ips }: { allowed_ips: AllowedIps }): Promise<AllowedIpsPreview> {
    return bodyOf(
      this.#api.client.POST('/api/v1/api-keys/{id}/allowed-ips/preview', {
        params: { path: { id } },
        body: { allowed_ips: allowed_ips && [...allowed_ips] },
      }),
    );
  }
}
