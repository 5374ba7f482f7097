import type { Clock } from '../../clock.ts';
import { createGathering } from '../../gathering.ts';

/** Requests that came with one former secret. */
export interface RetiredKeyAttempts {
  /** SHA-256 of the former secret, hex. */
  hash: string;
  attempts: number;
  /** Of the last one; milliseconds since 1970, by this process's clock. */
  lastAt: number;
  address: string;
}

export interface RetiredKeyStore {
  isRetired(hash: string): Promise<boolean>;
  /** Adds to what is stored, in one transaction; former secrets that are no longer known are passed over. */
  saveAttempts(attempts: RetiredKeyAttempts[]): Promise<void>;
  /** Forgets from where attempts came that are older than so many days; a slice at a time. The counts stay. */
  forgetAddresses(olderThanDays: number, stop?: AbortSignal): Promise<void>;
}

const heldSecrets = 10_000;

export type RetiredKeys = ReturnType<typeof createRetiredKeys>;

/** Watches who still sends a rotated key. Gathered in memory, so that a refusal never writes. */
export function createRetiredKeys(store: RetiredKeyStore, addressRetentionDays: number, clock: Clock) {
  const gathered = createGathering<RetiredKeyAttempts>({
    maxKeys: heldSecrets,
    merge: (earlier, later) => ({ ...later, attempts: earlier.attempts + later.attempts }),
    save: (attempts) => store.saveAttempts(attempts),
  });

  return {
    /** Counts a refused request if its key is a retired one. */
    async note(hash: string, address: string): Promise<void> {
      if (await store.isRetired(hash)) gathered.add(hash, { hash, attempts: 1, lastAt: clock.now(), address });
    },

    /** Writes what was gathered; on failure it is kept for the next flush. */
    flush: (): Promise<void> => gathered.flush(),

    forgetAddresses: (stop?: AbortSignal): Promise<void> => store.forgetAddresses(addressRetentionDays, stop),
  };
}
