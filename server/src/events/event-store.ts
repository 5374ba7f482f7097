import { sql } from '#kysely';
import { type Database, logOnCommit, type Transaction } from '../database/database.ts';
import { newOrderedId } from '../id.ts';
import { inSlices } from '../slices.ts';
import { addressesPerHour, type EventKind, type GatheredRefusals, hourMs, type NewEvent } from './event.ts';
import { logEvent } from './event-log.ts';
import type { EventStore } from './events.ts';

const dayMs = 24 * hourMs;

/** Appends to the audit log inside the transaction of what it tells of, so that neither stands without the other. */
export async function appendEvent(trx: Transaction, now: Database['now'], event: NewEvent): Promise<void> {
  await trx
    .insertInto('events')
    .values({
      id: newOrderedId('evt'),
      account_id: event.accountId,
      kind: event.kind,
      at: now,
      address: event.address,
      user_agent: event.userAgent,
      session_id: event.sessionId,
      api_key_id: event.apiKeyId,
      details: JSON.stringify(event.details),
    })
    .execute();
  logOnCommit(trx, (log) => logEvent(log, event));
}

export function createEventStore(database: Database): EventStore {
  const { query, now } = database;
  const daysAgo = (days: number) => sql<number>`${now} - ${days * dayMs}`;

  return {
    append: (trx, event) => appendEvent(trx, now, event),

    async list(accountId, kind, limit, after) {
      const rows = await query
        .selectFrom('events')
        .select([
          'id',
          'kind',
          'at',
          'last_at',
          'count',
          'address',
          'user_agent',
          'session_id',
          'api_key_id',
          'details',
        ])
        .where('account_id', '=', accountId)
        .$if(kind !== null, (list) => list.where('kind', '=', kind ?? ''))
        .$if(after !== null, (list) =>
          list.where(({ eb, refTuple, tuple }) =>
            eb(refTuple('at', 'id'), '<', tuple(after?.at ?? 0, after?.id ?? '')),
          ),
        )
        .orderBy('at', 'desc')
        .orderBy('id', 'desc')
        // One more than asked for tells whether there is a next page.
        .limit(limit + 1)
        .execute();
      const items = rows.slice(0, limit).map((row) => ({
        ...row,
        kind: row.kind as EventKind,
        last_at: row.last_at ?? row.at,
        details: JSON.parse(row.details),
      }));
      const last = rows.length > limit ? items.at(-1) : undefined;
      return { items, next: last ? { at: last.at, id: last.id } : null };
    },

    saveRefusals: (refusals) =>
      database.lockingTransaction(async (trx) => {
        // Always in the same order, so that two nodes never wait for each other's accounts.
        const accountIds = [...new Set(refusals.map(({ accountId }) => accountId))].sort();
        for (const accountId of accountIds) {
          if (!(await lockAccount(trx, accountId))) continue;
          await saveRefusalsOf(
            trx,
            refusals.filter((each) => each.accountId === accountId),
          );
        }
      }),

    async purge({ eventDays, addressDays }, stop) {
      await inSlices(async (rows) => {
        const { numDeletedRows } = await query
          .deleteFrom('events')
          .where('id', 'in', (eb) =>
            eb.selectFrom('events').select('id').where('at', '<', daysAgo(eventDays)).orderBy('at').limit(rows),
          )
          .executeTakeFirst();
        return numDeletedRows;
      }, stop);
      await inSlices(async (rows) => {
        const { numUpdatedRows } = await query
          .updateTable('events')
          // The key of what was gathered names the address too.
          .set({ address: null, user_agent: null, gather_key: null })
          .where('id', 'in', (eb) =>
            eb
              .selectFrom('events')
              .select('id')
              .where('address', 'is not', null)
              .where('at', '<', daysAgo(addressDays))
              .orderBy('at')
              .limit(rows),
          )
          .executeTakeFirst();
        return numUpdatedRows;
      }, stop);
    },
  };
}

/** Keeps an account's row until the transaction ends; false when it is gone. An update locks on every engine. */
async function lockAccount(trx: Transaction, accountId: string): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('accounts')
    .set((eb) => ({ disabled_at: eb.ref('disabled_at') }))
    .where('id', '=', accountId)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Adds the refusals of one account, whose row is locked, so that the addresses counted are all there are. */
async function saveRefusalsOf(
  trx: Transaction,
  refusals: readonly (GatheredRefusals & { accountId: string })[],
): Promise<void> {
  const groups = Map.groupBy(refusals, ({ kind, firstAt }) => `${kind} ${hourOf(firstAt)}`);
  for (const [first, ...others] of groups.values()) {
    if (!first) continue;
    const addressed = new Set(
      (
        await trx
          .selectFrom('events')
          .select('gather_key')
          .where('account_id', '=', first.accountId)
          .where('kind', '=', first.kind)
          .where('at', '>=', hourOf(first.firstAt) * hourMs)
          .where('at', '<', (hourOf(first.firstAt) + 1) * hourMs)
          .where('address', 'is not', null)
          .execute()
      ).map(({ gather_key: key }) => key),
    );
    for (const each of [first, ...others]) {
      const isKnown = addressed.has(gatherKeyOf(each));
      const tellsApart = each.address !== null && (isKnown || addressed.size < addressesPerHour);
      const saved = tellsApart ? each : { ...each, address: null, userAgent: null };
      if (tellsApart) addressed.add(gatherKeyOf(each));
      await addRefusals(trx, saved);
    }
  }
}

async function addRefusals(trx: Transaction, refusals: GatheredRefusals & { accountId: string }): Promise<void> {
  await trx
    .insertInto('events')
    .values({
      id: newOrderedId('evt'),
      account_id: refusals.accountId,
      kind: refusals.kind,
      at: refusals.firstAt,
      last_at: refusals.lastAt,
      count: refusals.count,
      address: refusals.address,
      user_agent: refusals.userAgent,
      session_id: null,
      api_key_id: refusals.apiKeyId,
      gather_key: gatherKeyOf(refusals),
    })
    .onConflict((conflict) =>
      conflict.column('gather_key').doUpdateSet({
        count: sql<number>`events.count + excluded.count`,
        last_at: sql<number>`CASE WHEN excluded.last_at > events.last_at THEN excluded.last_at ELSE events.last_at END`,
      }),
    )
    .execute();
}

function hourOf(ms: number): number {
  return Math.floor(ms / hourMs);
}

/** One key for each event that refusals are gathered into. */
function gatherKeyOf({ accountId, apiKeyId, kind, address, firstAt }: GatheredRefusals): string {
  return `${apiKeyId ?? accountId} ${kind} ${hourOf(firstAt)} ${address ?? ''}`;
}
