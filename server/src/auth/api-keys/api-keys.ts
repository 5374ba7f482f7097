import { AppError } from '../../app-error.ts';
import type { Clock } from '../../clock.ts';
import type { Transaction } from '../../database/database.ts';
import { newId } from '../../id.ts';
import { withoutSecrets } from '../../without-secrets.ts';
import type { Actor } from '../actor.ts';
import { createLastUses, type LastUse } from '../last-uses.ts';
import type { ApiKeyPrincipal } from '../principal.ts';
import { hashApiKey, isApiKey, mintApiKey } from './api-key.ts';
import type { RetiredKeyView } from './retired-key.ts';
import type { RetiredKeys } from './retired-keys.ts';

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
  /** Null while the key has never been rotated. */
  retired: RetiredKeyView | null;
}

export interface RotatedApiKey {
  apiKey: ApiKeyView;
  /** The new key; shown this once. */
  secret: string;
}

export interface ApiKeyStore {
  insert(
    trx: Transaction,
    key: { id: string; accountId: string; name: string; hash: string; hint: string },
  ): Promise<void>;
  /** Returns the key's owner, or null when no enabled account has a key of this hash. Reads the row fresh. */
  findByHash(hash: string): Promise<Omit<ApiKeyPrincipal, 'scheme'> | null>;
  list(accountId: string): Promise<ApiKeyView[]>;
  /** Replaces the secret in one transaction with its event; null when the account has no such key. */
  replace(
    owner: { accountId: string; apiKeyId: string },
    minted: { hash: string; hint: string },
    event: { reason: string | null } & Actor,
  ): Promise<ApiKeyView | null>;
  saveLastUses(uses: LastUse[]): Promise<void>;
}

export type ApiKeys = ReturnType<typeof createApiKeys>;

export function createApiKeys(store: ApiKeyStore, retiredKeys: RetiredKeys, clock: Clock) {
  const lastUses = createLastUses(clock, (uses) => store.saveLastUses(uses));

  return {
    /** Returns the owner of a live key, or null. Never cached: the row is read on every call. */
    async verify(secret: string, address: string): Promise<ApiKeyPrincipal | null> {
      if (!isApiKey(secret)) return null;
      const hash = hashApiKey(secret);
      const owner = await store.findByHash(hash);
      if (!owner) {
        await retiredKeys.note(hash, address);
        return null;
      }
      lastUses.note(owner.apiKeyId, address);
      return { scheme: 'api_key', ...owner };
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

    flushLastUses: () => lastUses.flush(),

    flushRetiredKeyAttempts: () => retiredKeys.flush(),
  };
}
