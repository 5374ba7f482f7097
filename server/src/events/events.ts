import type { Clock } from '../clock.ts';
import type { Transaction } from '../database/database.ts';
import { createGathering } from '../gathering.ts';
import type { EventLog } from '../log.ts';
import type { PageCursor } from '../page-cursor.ts';
import {
  addressesPerHour,
  type EventKind,
  type EventView,
  type GatheredRefusals,
  hourMs,
  type NewEvent,
  type Refusal,
} from './event.ts';
import { logRefusals } from './event-log.ts';

interface EventPage {
  items: EventView[];
  /** Null on the last page. */
  next: PageCursor | null;
}

export interface EventStore {
  append(trx: Transaction, event: NewEvent): Promise<void>;
  /** Newest first; of one kind, or of all when it is null. */
  list(accountId: string, kind: EventKind | null, limit: number, after: PageCursor | null): Promise<EventPage>;
  /** Adds refusals to their events, in one transaction. Those of accounts that are gone are dropped. */
  saveRefusals(refusals: (GatheredRefusals & { accountId: string })[]): Promise<void>;
  /** Deletes events older than so many days, and blanks the addresses of those older than so many others; a slice of each. */
  purge(retention: EventRetention, stop?: AbortSignal): Promise<void>;
}

export interface EventRetention {
  eventDays: number;
  addressDays: number;
}

/** Refusals held between two flushes; further ones are only counted. */
const heldRefusals = 10_000;

export type Events = ReturnType<typeof createEvents>;

export function createEvents(store: EventStore, retention: EventRetention, log: EventLog, clock: Clock) {
  /** How many addresses are held for an account, kind and hour. */
  let heldAddresses = new Map<string, number>();
  let dropped = 0;

  const gathered = createGathering<GatheredRefusals>({
    maxKeys: 2 * heldRefusals,
    merge: (earlier, later) => ({ ...earlier, count: earlier.count + later.count, lastAt: later.lastAt }),
    async save(entries) {
      await store.saveRefusals(entries.filter(hasAccount));
      for (const entry of entries) logRefusals(log, entry);
    },
  });

  return {
    /** Appends an event inside the transaction of what it tells of; its log line follows the commit. */
    record: (trx: Transaction, event: NewEvent): Promise<void> => store.append(trx, event),

    /**
     * Counts a refusal that anybody can cause without end. Writes nothing now: a chore adds it to the one event of its
     * account or key, kind, address and hour, and to the log.
     */
    gather({ accountId, apiKeyId, kind, address, userAgent }: Refusal): void {
      const at = clock.now();
      const group = [accountId, kind, Math.floor(at / hourMs)].join(' ');
      const subject = `${group} ${apiKeyId}`;
      const key = `${subject} ${address}`;
      const held = heldAddresses.get(group) ?? 0;
      const entry = { accountId, apiKeyId: apiKeyId ?? null, kind, count: 1, firstAt: at, lastAt: at };
      if (address !== '' && (gathered.has(key) || held < addressesPerHour)) {
        if (!gathered.has(key)) heldAddresses.set(group, held + 1);
        if (gathered.add(key, { ...entry, address, userAgent })) return;
      }
      if (!gathered.add(subject, { ...entry, address: null, userAgent: null })) dropped++;
    },

    list: (accountId: string, kind: EventKind | null, limit: number, after: PageCursor | null) =>
      store.list(accountId, kind, limit, after),

    /** Writes what was gathered; on failure it is kept for the next flush. */
    async flush(): Promise<void> {
      heldAddresses = new Map();
      if (dropped > 0) log.warn({ dropped }, 'more refusals than can be told apart');
      dropped = 0;
      await gathered.flush();
    },

    /** Forgets what is older than the retention allows; a slice at a time. */
    purge: (stop?: AbortSignal): Promise<void> => store.purge(retention, stop),
  };
}

function hasAccount(refusals: GatheredRefusals): refusals is GatheredRefusals & { accountId: string } {
  return refusals.accountId !== null;
}
