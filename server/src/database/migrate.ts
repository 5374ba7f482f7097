import { type MigrationInfo, Migrator } from 'kysely/migration';
import type { Database } from './database.ts';
import { migrations } from './migration-list.ts';

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
 * Brings the database to this program's schema. Returns the names applied now. Throws SchemaError when a newer Inksong
 * or another program has been here.
 */
export async function migrate(database: Database): Promise<string[]> {
  const { applied, unknown } = await migrationStatus(database);
  assertNotNewer(unknown);
  if (applied.length === 0) await assertEmpty(database);
  const { error, results = [] } = await migrator(database).migrateToLatest();
  if (error) throw error;
  return results.filter((result) => result.status === 'Success').map((result) => result.migrationName);
}

/** Throws SchemaError unless the database has exactly this program's schema. */
export async function assertMigrated(database: Database): Promise<void> {
  const { pending, unknown } = await migrationStatus(database);
  assertNotNewer(unknown);
  if (pending.length > 0) {
    throw new SchemaError(`This database lacks ${pending.join(', ')}: run inksong migrate, or start the server once.`);
  }
}

function assertNotNewer(unknown: readonly string[]): void {
  if (unknown.length === 0) return;
  throw new SchemaError(
    `This database belongs to a newer Inksong (it has ${unknown.join(', ')}): start that version, or restore a backup made before the upgrade.`,
  );
}

/** Somebody may have pointed DATABASE_URL at another program's file. */
async function assertEmpty(database: Database): Promise<void> {
  const tables = await database.query.introspection.getTables();
  if (tables.length === 0) return;
  throw new SchemaError(
    `This SQLite file belongs to another program (it has a table ${tables[0]?.name}): point DATABASE_URL elsewhere.`,
  );
}

export async function migrationStatus(database: Database): Promise<MigrationStatus> {
  const tables = await database.query.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === 'kysely_migration')) {
    return { applied: [], pending: Object.keys(migrations), unknown: [] };
  }
  const known: readonly MigrationInfo[] = await migrator(database).getMigrations();
  const rows = await database.query
    .withTables<{ kysely_migration: { name: string } }>()
    .selectFrom('kysely_migration')
    .select('name')
    .execute();
  return {
    applied: known.filter((migration) => migration.executedAt).map((migration) => migration.name),
    pending: known.filter((migration) => !migration.executedAt).map((migration) => migration.name),
    unknown: rows.map((row) => row.name).filter((name) => !(name in migrations)),
  };
}

function migrator(database: Database): Migrator {
  return new Migrator({ db: database.query, provider: { getMigrations: async () => migrations } });
}
