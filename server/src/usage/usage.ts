import type { Principal } from '../auth/principal.ts';
import type { Clock } from '../clock.ts';
import { createGathering } from '../gathering.ts';
import { chartOf, outcomeOf, type UsageCount, type UsageDay, utcDay } from './usage-day.ts';

export interface UsageStore {
  /** Adds to what is stored, in one transaction. Counts of accounts that are gone are dropped. */
  add(counts: UsageCount[]): Promise<void>;
  /** Returns the counts of an account from a day on. */
  list(accountId: string, firstDay: string): Promise<Omit<UsageCount, 'accountId'>[]>;
  /** Deletes a slice of what is older than a day. */
  purge(firstKeptDay: string, stop?: AbortSignal): Promise<void>;
}

/** Cells held between two flushes: far more than there are accounts calling in so short a time. */
const heldCells = 100_000;

export type Usage = ReturnType<typeof createUsage>;

/** Requests a day. Counted in memory, so that no request waits for it; a crash loses the last few seconds. */
export function createUsage(store: UsageStore, retentionDays: number, clock: Clock) {
  const gathered = createGathering<UsageCount>({
    maxKeys: heldCells,
    merge: (earlier, later) => ({ ...earlier, count: earlier.count + later.count }),
    save: (counts) => store.add(counts),
  });

  return {
    /** Counts an answered request. @param status the answer's HTTP status */
    count({ accountId, scheme }: Pick<Principal, 'accountId' | 'scheme'>, status: number): void {
      const [day, outcome] = [utcDay(clock.now()), outcomeOf(status)];
      gathered.add(`${accountId} ${day} ${scheme} ${outcome}`, { accountId, day, scheme, outcome, count: 1 });
    },

    /** Returns the last `days` days (UTC), today's included, oldest first; those without a request too. */
    async list(accountId: string, days: number): Promise<UsageDay[]> {
      const now = clock.now();
      return chartOf(await store.list(accountId, utcDay(now, days - 1)), now, days);
    },

    /** Writes what was counted; on failure it is kept for the next flush. */
    flush: (): Promise<void> => gathered.flush(),

    purge: (stop?: AbortSignal): Promise<void> => store.purge(utcDay(clock.now(), retentionDays), stop),
  };
}
