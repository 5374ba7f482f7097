import { type MigrationInfo, Migrator } from 'kysely/migration';
import type { Database } from './database.ts';
import { migrations } from './migration-list.ts';

export interface MigrationStatus {
  applied: string[];
  pending: string[];
  /** Applied by a newer Inksong than this one. */
  unknown: string[];
}

/** Brings the database to this program's schema. Returns the names applied now. Throws when a newer Inksong has been here. */
export async function migrate(database: Database): Promise<string[]> {
  const { unknown } = await migrationStatus(database);
  if (unknown.length > 0) {
    throw new Error(
      `This database belongs to a newer Inksong (it has ${unknown.join(', ')}). Start that version, or restore a backup made before the upgrade.`,
    );
  }
  const { error, results = [] } = await migrator(database).migrateToLatest();
  if (error) throw error;
  return results.filter((result) => result.status === 'Success').map((result) => result.migrationName);
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
