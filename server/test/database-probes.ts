import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { constants, DatabaseSync, StatementSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import pg from 'pg';
import { type RawBuilder, sql } from '#kysely';
import type { Database } from '../src/database/database.ts';
import { statementRun } from '../src/database/statement-run.ts';
import type { TestServer } from './boot.ts';
import { testEngine } from './test-database.ts';

/** What each engine answers: SQLite's result code, PostgreSQL's SQLSTATE. */
export interface Fault {
  sqlite: number;
  postgres: string;
}

export const faults = {
  unreadable: { sqlite: 266, postgres: '58030' },
  full: { sqlite: 13, postgres: '53100' },
  unforeseen: { sqlite: 1, postgres: '42P01' },
} as const satisfies Record<string, Fault>;

const controlsTransaction = /^(begin|commit|rollback)\b/i;

/** Makes the statements that match fail in every server of this process, until the test ends or `restore` is called. */
export function failStatements(
  t: TestContext,
  fault: Fault,
  matches: (sql: string) => boolean = () => true,
): { restore(): void } {
  const mocks =
    testEngine === 'sqlite'
      ? (['all', 'run'] as const).map((name) => {
          const original = StatementSync.prototype[name] as (...binds: never[]) => unknown;
          return t.mock.method(StatementSync.prototype, name, function (this: StatementSync, ...binds: never[]) {
            if (!matches(this.sourceSQL)) return original.apply(this, binds);
            throw Object.assign(new Error('injected'), { code: 'ERR_SQLITE_ERROR', errcode: fault.sqlite });
          });
        })
      : [failPostgres(t, fault, matches)];
  return {
    restore() {
      for (const mock of mocks) mock.mock.restore();
    },
  };
}

function failPostgres(t: TestContext, fault: Fault, matches: (sql: string) => boolean) {
  const original = pg.Client.prototype.query as (...words: unknown[]) => unknown;
  return t.mock.method(pg.Client.prototype, 'query', function (this: pg.Client, ...words: unknown[]) {
    const [{ text = '' }] = words as [{ text?: string }];
    // Text alone comes from the tests themselves.
    if (text === '' || controlsTransaction.test(text) || !matches(text)) return original.apply(this, words);
    const error = new pg.DatabaseError('injected', 0, 'error');
    error.code = fault.postgres;
    return Promise.reject(error);
  });
}

/** Tells a statement that changes rows from one that reads them. */
export function isWrite(statement: string): boolean {
  return /^\s*(insert|update|delete)\b/i.test(statement);
}

/** Returns a function that tells how many statements that could change a row have been run in this process since. */
export function countWrites(t: TestContext): () => number {
  let writes = 0;
  t.after(
    statementRun.listen(({ sql: statement }) => {
      if (isWrite(statement)) writes++;
    }),
  );
  return () => writes;
}

/** 32 random hexadecimal characters, another in each row. */
export const randomHex: RawBuilder<string> =
  testEngine === 'sqlite'
    ? sql<string>`lower(hex(randomblob(16)))`
    : sql<string>`replace(CAST(gen_random_uuid() AS text), '-', '')`;

/** Returns how a statement would be done, a line for each step, whatever it is given and however many rows there are. */
export async function planOf({ query }: Database, statement: string): Promise<string[]> {
  if (testEngine === 'sqlite') {
    const explained = sql<{ detail: string }>`EXPLAIN QUERY PLAN ${sql.raw(statement.replaceAll('?', 'NULL'))}`;
    return (await explained.execute(query)).rows.map(({ detail }) => detail);
  }
  const count = Math.max(0, ...[...statement.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)));
  const given = count === 0 ? '' : `(${Array.from({ length: count }, () => 'NULL').join(', ')})`;
  return query.transaction().execute(async (trx) => {
    // In a table of a few rows reading all of them is cheapest, so an index is only used when it must be.
    for (const setting of ['enable_seqscan = off', 'enable_bitmapscan = off', 'plan_cache_mode = force_generic_plan']) {
      await sql`SET LOCAL ${sql.raw(setting)}`.execute(trx);
    }
    await sql`PREPARE explained AS ${sql.raw(statement)}`.execute(trx);
    const { rows } = await sql<Record<string, string>>`EXPLAIN (COSTS OFF) EXECUTE explained${sql.raw(given)}`.execute(
      trx,
    );
    await sql`DEALLOCATE explained`.execute(trx);
    return rows.map((row) => row['QUERY PLAN']?.trim() ?? '');
  });
}

/** Throws unless each statement looks up the rows that it needs, instead of picking them out of a whole table or index. */
export async function requireLookUps(database: Database, statements: Iterable<string>): Promise<void> {
  for (const statement of statements) {
    const plan = await planOf(database, statement);
    const told = [statement, ...plan].join('\n  ');
    for (const step of plan) assert.doesNotMatch(step, /^SCAN (?!(\d+ )?CONSTANT ROW)|Seq Scan/, told);
    // What is wanted must be looked up, not picked out while the whole of an index is read.
    const search = plan.slice(
      Math.max(
        0,
        plan.findIndex((step) => /Limit$/.test(step)),
      ),
    );
    for (const [index, step] of search.entries()) {
      if (/Index (Only )?Scan/.test(step)) assert.match(search[index + 1] ?? '', /^Index Cond/, told);
    }
  }
}

/**
 * Throws unless SQLite keeps the plan of each prepared statement, whatever is bound to it. PostgreSQL may plan as it sees fit.
 * @param path of the database; nothing is changed in it
 */
export function requireStablePlans(path: string, statements: Iterable<string>): void {
  const file = new DatabaseSync(path, { readOnly: true });
  try {
    let planned = 0;
    // It is asked whenever a statement is planned.
    file.setAuthorizer(() => {
      planned++;
      return constants.SQLITE_OK;
    });
    for (const statement of statements) {
      planned = 0;
      const explained = file.prepare(`EXPLAIN ${statement}`);
      assert.notEqual(planned, 0, 'the authorizer is not asked');
      planned = 0;
      explained.all(...[...statement.matchAll(/\?/g)].map(() => 1));
      assert.equal(planned, 0, `${statement}\n  is planned anew when it is run`);
    }
  } finally {
    file.close();
  }
}

/** Makes every INSERT or UPDATE of a table fail until the function it returns is called. */
export async function refuseWrites(
  { query }: Database,
  table: string,
  change: 'INSERT' | 'UPDATE',
): Promise<() => Promise<void>> {
  const on = sql`CREATE TRIGGER refuse BEFORE ${sql.raw(change)} ON ${sql.table(table)}`;
  if (testEngine === 'sqlite') {
    await sql`${on} BEGIN SELECT RAISE(ABORT, 'no'); END`.execute(query);
    return async () => void (await sql`DROP TRIGGER refuse`.execute(query));
  }
  await sql`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'`.execute(
    query,
  );
  await sql`${on} FOR EACH ROW EXECUTE FUNCTION refuse()`.execute(query);
  return async () => void (await sql`DROP FUNCTION refuse CASCADE`.execute(query));
}

/** Returns all that is stored, as text: the bytes of SQLite's files, or every row of PostgreSQL's tables. */
export async function dumpOf({ config, services }: TestServer): Promise<string> {
  if (config.database.engine === 'sqlite') {
    return readdirSync(config.dataDirectory)
      .map((name) => join(config.dataDirectory, name))
      .filter((path) => statSync(path).isFile() && !path.endsWith('/secret'))
      .map((path) => readFileSync(path, 'latin1'))
      .join('\n');
  }
  const { query } = services.database;
  const lines: string[] = [];
  for (const { name } of await query.introspection.getTables({ withInternalKyselyTables: true })) {
    const { rows } = await sql<Record<string, unknown>>`SELECT * FROM ${sql.table(name)}`.execute(query);
    for (const row of rows) {
      const values = Object.values(row).map((value) =>
        Buffer.isBuffer(value) ? value.toString('latin1') : String(value),
      );
      lines.push(`${name}: ${values.join(' ')}`);
    }
  }
  return lines.join('\n');
}
