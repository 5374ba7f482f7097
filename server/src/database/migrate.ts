import { setTimeout as delay } from 'node:timers/promises';
import { type Kysely, sql } from '#kysely';
import { type MigrationInfo, Migrator } from '#kysely/migration';
import type { Database } from './database.ts';
import { migrations } from './migration-list.ts';

/** Stands in the list of migrations of a SQLite database that has moved: every version refuses one that it does not know. */
export const movedMark = 'moved-to-postgresql';
/** So begins the mark of one whose move has come to its last step and may or may not be over; then the place where to. */
export const movingMark = 'moving-to-postgresql ';

/**
 * On PostgreSQL a migration gives way when it waits this long for a table, and begins anew: whoever wants the table after
 * it waits behind it, and it is not to hold up a request for as long as a backup reads. Below the second after which
 * PostgreSQL looks for deadlocks, so that it is no request that is undone for one.
 */
const tablePatienceMs = 400;
/** Others get on meanwhile. */
const pauseMs = 600;
/** A table that is never let go of in this time is not going to be. */
const patienceMs = 15 * 60_000;
/** lock_not_available, deadlock_detected, serialization_failure. */
const heldUp = new Set<unknown>(['55P03', '40P01', '40001']);

export interface MigrationStatus {
  applied: string[];
  pending: string[];
  /** Applied by a newer Inksong than this one. */
  unknown: string[];
}

/** The database's tables are not those of this program; the message says what to do. */
class SchemaError extends Error {
  override name = 'SchemaError';
}

/**
 * Brings the database to this program's schema, in one transaction: any number of nodes may start at once, and one that is
 * killed leaves nothing behind. Returns the names applied now. Throws SchemaError when a newer Inksong or another program
 * has been here.
 */
export async function migrate(database: Database): Promise<string[]> {
  const deadlineMs = performance.now() + patienceMs;
  for (;;) {
    try {
      return await migrateOnce(database);
    } catch (error) {
      const { code, cause } = error as { code?: string; cause?: { code?: string } };
      if (!(heldUp.has(code) || heldUp.has(cause?.code)) || performance.now() > deadlineMs) throw error;
    }
    await delay(pauseMs + Math.random() * pauseMs);
  }
}

function migrateOnce(database: Database): Promise<string[]> {
  return database.migration(async (trx) => {
    if (database.engine === 'postgres') await sql`SET LOCAL lock_timeout = ${sql.lit(tablePatienceMs)}`.execute(trx);
    const { applied, unknown } = await statusOn(trx);
    assertNotNewer(unknown);
    if (applied.length === 0) await assertEmpty(trx, database);
    const { error, results = [] } = await migratorOn(trx).migrateToLatest();
    if (error) throw error;
    return results.filter((result) => result.status === 'Success').map((result) => result.migrationName);
  });
}

/** Throws SchemaError unless the database has exactly this program's schema. */
export async function assertMigrated(database: Pick<Database, 'query'>): Promise<void> {
  const { pending, unknown } = await migrationStatus(database);
  assertNotNewer(unknown);
  if (pending.length > 0) {
    throw new SchemaError(`This database lacks ${pending.join(', ')}: run inksong migrate, or start the server once.`);
  }
}

function assertNotNewer(unknown: readonly string[]): void {
  if (unknown.length === 0) return;
  if (unknown.includes(movedMark)) {
    throw new SchemaError(
      'This database has moved to PostgreSQL (inksong migrate-to): point DATABASE_URL there. docs/postgresql.md tells the way back.',
    );
  }
  const moving = unknown.find((name) => name.startsWith(movingMark));
  if (moving !== undefined) {
    throw new SchemaError(
      `A move of this database to ${moving.slice(movingMark.length)} was cut off at its last step: run inksong migrate-to with the same URL again, which ends it. Serve neither of the two before.`,
    );
  }
  throw new SchemaError(
    `This database belongs to a newer Inksong (it has ${unknown.join(', ')}): start that version, or restore a backup made before the upgrade.`,
  );
}

/** Somebody may have pointed DATABASE_URL at another program's database. */
// biome-ignore lint/suspicious/noExplicitAny: whatever tables there are.
async function assertEmpty(query: Kysely<any>, { engine }: Database): Promise<void> {
  const tables = await query.introspection.getTables();
  if (tables.length === 0) return;
  const what = engine === 'sqlite' ? 'SQLite file' : 'database';
  throw new SchemaError(
    `This ${what} belongs to another program (it has a table ${tables[0]?.name}): point DATABASE_URL elsewhere.`,
  );
}

export function migrationStatus(database: Pick<Database, 'query'>): Promise<MigrationStatus> {
  return statusOn(database.query);
}

// biome-ignore lint/suspicious/noExplicitAny: whatever tables there are.
async function statusOn(query: Kysely<any>): Promise<MigrationStatus> {
  const tables = await query.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === 'kysely_migration')) {
    return { applied: [], pending: Object.keys(migrations), unknown: [] };
  }
  const known: readonly MigrationInfo[] = await migratorOn(query).getMigrations();
  const { rows } = await sql<{ name: string }>`SELECT name FROM kysely_migration ORDER BY name`.execute(query);
  return {
    applied: known.filter((migration) => migration.executedAt).map((migration) => migration.name),
    pending: known.filter((migration) => !migration.executedAt).map((migration) => migration.name),
    unknown: rows.map((row) => row.name).filter((name) => !(name in migrations)),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: whatever tables there are.
function migratorOn(db: Kysely<any>): Migrator {
  return new Migrator({ db, provider: { getMigrations: async () => migrations } });
}
