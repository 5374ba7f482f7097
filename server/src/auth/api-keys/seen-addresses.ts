import type { Clock } from '../../clock.ts';
import { createGathering } from '../../gathering.ts';
import { utcDay } from '../../usage/usage-day.ts';

/** The last use of a key from an address on a day. */
export interface SeenAddress {
  apiKeyId: string;
  /** `2026-01-31`, UTC. */
  day: string;
  address: string;
  /** Milliseconds since 1970, by this process's clock. */
  lastUsedAt: number;
}

export interface SeenAddressStore {
  /** Adds to what is stored, in one transaction: at most `addressesPerDay` a key and day; keys that are gone are passed over. */
  save(seen: SeenAddress[]): Promise<void>;
  /** Returns the addresses of a key since a day, each with its last use, latest first. */
  list(
    owner: { accountId: string; apiKeyId: string },
    firstDay: string,
    limit: number,
  ): Promise<Pick<SeenAddress, 'address' | 'lastUsedAt'>[]>;
  /** Deletes a slice of what is older than a day. */
  purge(firstKeptDay: string, stop?: AbortSignal): Promise<void>;
}

/** Most addresses kept for a key and day, so that nobody with a key fills the database by changing address. */
export const addressesPerDay = 500;
const seenDays = 30;
/** Addresses of a key that are looked at, the latest. */
const listedAddresses = 1_000;
const heldAddresses = 100_000;

export type SeenAddresses = ReturnType<typeof createSeenAddresses>;

/** Where keys were used from. Gathered in memory, so that using a key never writes; a crash loses the last few seconds. */
export function createSeenAddresses(store: SeenAddressStore, retentionDays: number, clock: Clock) {
  const days = Math.min(seenDays, retentionDays);
  /** How many addresses are held for a key and day. */
  let heldOf = new Map<string, number>();
  const gathered = createGathering<SeenAddress>({
    maxKeys: heldAddresses,
    merge: (_earlier, later) => later,
    save: (seen) => store.save(seen),
  });

  return {
    note(apiKeyId: string, address: string): void {
      const lastUsedAt = clock.now();
      const day = utcDay(lastUsedAt);
      const group = `${apiKeyId} ${day}`;
      const key = `${group} ${address}`;
      if (!gathered.has(key)) {
        const held = heldOf.get(group) ?? 0;
        if (held >= addressesPerDay) return;
        heldOf.set(group, held + 1);
      }
      gathered.add(key, { apiKeyId, day, address, lastUsedAt });
    },

    /** Returns where a key was used from in the last 30 days, or in fewer when the retention says so; a few seconds late. */
    list: (owner: { accountId: string; apiKeyId: string }) =>
      store.list(owner, utcDay(clock.now(), days), listedAddresses),

    /** Writes what was noted; on failure it is kept for the next flush. */
    flush(): Promise<void> {
      heldOf = new Map();
      return gathered.flush();
    },

    purge: (stop?: AbortSignal): Promise<void> => store.purge(utcDay(clock.now(), days), stop),
  };
}
