import { AppError } from '../../app-error.ts';
import type { Clock } from '../../clock.ts';
import type { Transaction } from '../../database/database.ts';
import type { Client } from '../../edge/client-address.ts';
import { type Allowlists, createAllowlists } from '../../edge/ip-allowlist.ts';
import { createIpRanges } from '../../edge/ip-ranges.ts';
import { newId } from '../../id.ts';
import { withoutSecrets } from '../../without-secrets.ts';
import type { Actor } from '../actor.ts';
import { createLastUses, type LastUse } from '../last-uses.ts';
import type { ApiKeyPrincipal } from '../principal.ts';
import { hashApiKey, isApiKey, mintApiKey } from './api-key.ts';
import { type ApiKeyChange, type SettledApiKeyChange, settleChange } from './api-key-change.ts';
import type { RetiredKeyView } from './retired-key.ts';
import type { RetiredKeys } from './retired-keys.ts';
import type { SeenAddress, SeenAddresses } from './seen-addresses.ts';

/** A key as its owner may see it: never the key itself. */
export interface ApiKeyView {
  id: string;
  name: string;
  hint: string;
  /** Milliseconds since 1970, as are the other times. */
  created_at: number;
  rotated_at: number | null;
  last_used_at: number | null;
  last_used_ip: string | null;
  /** Canonical addresses and CIDRs; null: any address may use the key. */
  allowed_ips: string[] | null;
  /** Null while the key has never been rotated. */
  retired: RetiredKeyView | null;
}

export interface RotatedApiKey {
  apiKey: ApiKeyView;
  /** The new key; shown this once. */
  secret: string;
}

export interface AllowlistPreview {
  /** In canonical form. */
  allowedIps: string[] | null;
  /** Addresses that have used the key lately and no longer could, latest first. */
  shutOut: Pick<SeenAddress, 'address' | 'lastUsedAt'>[];
}

interface OwnedKey {
  accountId: string;
  apiKeyId: string;
}

export interface ApiKeyStore {
  insert(
    trx: Transaction,
    key: { id: string; accountId: string; name: string; hash: string; hint: string },
  ): Promise<void>;
  /** Returns the key's owner, or null when no enabled account has a key of this hash. Reads the row fresh. */
  findByHash(hash: string): Promise<Omit<ApiKeyPrincipal, 'scheme'> | null>;
  list(accountId: string): Promise<ApiKeyView[]>;
  /** Changes a key in one transaction with an event for each change; null when the account has no such key. */
  update(owner: OwnedKey, change: SettledApiKeyChange, actor: Actor): Promise<ApiKeyView | null>;
  /** Replaces the secret in one transaction with its event; null when the account has no such key. */
  replace(
    owner: OwnedKey,
    minted: { hash: string; hint: string },
    event: { reason: string | null } & Actor,
  ): Promise<ApiKeyView | null>;
  saveLastUses(uses: LastUse[]): Promise<void>;
}

export type ApiKeys = ReturnType<typeof createApiKeys>;

export function createApiKeys(
  store: ApiKeyStore,
  retiredKeys: RetiredKeys,
  seenAddresses: SeenAddresses,
  clock: Clock,
  allowlists: Allowlists = createAllowlists(),
) {
  const lastUses = createLastUses(clock, (uses) => store.saveLastUses(uses));

  return {
    /** Returns the owner of a live key, or null. Never cached: the row is read on every call. No use of it yet: see `admit`. */
    async verify(secret: string, address: string): Promise<ApiKeyPrincipal | null> {
      if (!isApiKey(secret)) return null;
      const hash = hashApiKey(secret);
      const owner = await store.findByHash(hash);
      if (!owner) {
        await retiredKeys.note(hash, address);
        return null;
      }
      // Field by field: on every request, a spread would cost more than the rest of this.
      const { accountId, email, accountCreatedAt, apiKeyId, allowlist } = owner;
      return { scheme: 'api_key', accountId, email, accountCreatedAt, apiKeyId, allowlist };
    },

    /**
     * Tells whether a verified key may be used by a client, and if so notes the use. An address that is not known is in no list.
     * The allowlist is the one that was read with the key, so a change of it is in force on the next request.
     */
    admit(
      { apiKeyId, allowlist }: ApiKeyPrincipal,
      { address, isKnown }: Pick<Client, 'address' | 'isKnown'>,
    ): boolean {
      if (allowlist !== null && !(isKnown && allowlists.allows(apiKeyId, allowlist, address))) return false;
      lastUses.note(apiKeyId, address);
      if (isKnown) seenAddresses.note(apiKeyId, address);
      return true;
    },

    /** Gives an account its first key inside the transaction that makes the account. Returns the secret. */
    async provision(trx: Transaction, accountId: string): Promise<string> {
      const { secret, hash, hint } = mintApiKey();
      await store.insert(trx, { id: newId('key'), accountId, name: 'Default', hash, hint });
      return secret;
    },

    list: (accountId: string): Promise<ApiKeyView[]> => store.list(accountId),

    /**
     * Replaces a key's secret. When this resolves the old one is refused everywhere.
     * Throws `not_found` when the account has no such key.
     */
    async rotate(accountId: string, apiKeyId: string, reason: string | null, actor: Actor): Promise<RotatedApiKey> {
      const { secret, hash, hint } = mintApiKey();
      const apiKey = await store.replace(
        { accountId, apiKeyId },
        { hash, hint },
        { reason: reason && withoutSecrets(reason), ...actor },
      );
      if (!apiKey) throw new AppError('not_found');
      return { apiKey, secret };
    },

    /**
     * Changes a key's name or allowlist. When this resolves the new list guards every use of the key, everywhere.
     * Throws `validation_failed`, and `not_found` when the account has no such key.
     */
    async update(accountId: string, apiKeyId: string, change: ApiKeyChange, actor: Actor): Promise<ApiKeyView> {
      const apiKey = await store.update({ accountId, apiKeyId }, settleChange(change), actor);
      if (!apiKey) throw new AppError('not_found');
      return apiKey;
    },

    /** Returns what an allowlist would do to those who use the key. Changes nothing. Throws as `update` does. */
    async previewAllowlist(
      accountId: string,
      apiKeyId: string,
      entries: readonly string[] | null,
    ): Promise<AllowlistPreview> {
      const { allowedIps = null } = settleChange({ allowed_ips: entries });
      const keys = await store.list(accountId);
      if (!keys.some(({ id }) => id === apiKeyId)) throw new AppError('not_found');
      if (allowedIps === null) return { allowedIps, shutOut: [] };
      const ranges = createIpRanges(allowedIps);
      const seen = await seenAddresses.list({ accountId, apiKeyId });
      return { allowedIps, shutOut: seen.filter(({ address }) => !ranges.has(address)) };
    },

    /** Returns where a key was used from lately, latest first; a few seconds late. */
    listAddresses: (accountId: string, apiKeyId: string) => seenAddresses.list({ accountId, apiKeyId }),

    flushLastUses: () => lastUses.flush(),

    flushSeenAddresses: () => seenAddresses.flush(),

    purgeSeenAddresses: (stop?: AbortSignal): Promise<void> => seenAddresses.purge(stop),

    flushRetiredKeyAttempts: () => retiredKeys.flush(),

    forgetRetiredKeyAddresses: (stop?: AbortSignal): Promise<void> => retiredKeys.forgetAddresses(stop),
  };
}
