import { Kysely, sql } from '#kysely';
import type { Engine } from './engine.ts';
import type { Schema } from './schema.ts';
import { SqliteDialect } from './sqlite-dialect.ts';
import { openSqlite } from './sqlite-file.ts';
import { TransactionGuard } from './transaction-guard.ts';

/** @param patienceMs how long a write waits while another process holds the write lock; reads go on meanwhile */
export function openSqliteEngine(path: string, patienceMs: number): Engine {
  const guard = new TransactionGuard();
  const dialect = new SqliteDialect(openSqlite(path), guard, patienceMs);
  const query = new Kysely<Schema>({ dialect });
  // Every transaction begins with the write lock, so there is one kind.
  const transact: Engine['transact'] = (_kind, work) => guard.run(() => query.transaction().execute(work));
  return {
    name: 'sqlite',
    query,
    single: dialect,
    transact,
    transactMigration: (work) => transact('serializable', work),
    snapshot: (work) => transact('serializable', work),
    exclusively: (work) => transact('serializable', work),
    isConflict: () => false,
    now: sql<number>`CAST(unixepoch('subsec') * 1000 AS INTEGER)`,
    onPrimary: sql<boolean>`1 = 1`,
    randomHash: sql<string>`lower(hex(randomblob(32)))`,
    contains: (text, part) => sql<boolean>`instr(${text}, ${part}) > 0`,
    // A read takes microseconds here, and there is one connection: nothing to be saved.
    credentialReads: (read) => async (key) => (await read(dialect, [key]))[0] ?? null,
    async inspect() {
      const { rows } = await sql<{ version: string }>`SELECT sqlite_version() AS version`.execute(query);
      return { version: `SQLite ${rows[0]?.version}`, concerns: [] };
    },
    async close() {
      await query.destroy();
      dialect.close();
    },
  };
}
