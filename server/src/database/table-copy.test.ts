import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type RawBuilder, sql } from '#kysely';
import { type Database, openDatabase } from './database.ts';
import { migrate } from './migrate.ts';
import { type CopiedTable, compareTables, copyTables } from './table-copy.ts';
import { primaryKeys, tables } from './table-list.ts';

async function emptyDatabase(t: TestContext): Promise<Database> {
  const folder = mkdtempSync(join(tmpdir(), 'inksong-copy-'));
  const database = openDatabase({ engine: 'sqlite', path: join(folder, 'inksong.db') });
  t.after(async () => {
    await database.close();
    rmSync(folder, { recursive: true });
  });
  await migrate(database);
  return database;
}

/** 1,203 counters and 40 chunks: more than a batch of each. */
async function scene(t: TestContext): Promise<{ copied: CopiedTable[]; target: Database }> {
  const [source, target] = [await emptyDatabase(t), await emptyDatabase(t)];
  const { query } = source;
  const accounts = Array.from({ length: 3 }, (_, n) => ({
    id: `acc_${n}`,
    email: `“é\u{1f426}\u00a0${n}”@example.com`,
    password_hash: '',
    created_at: 2 ** 52 + n,
    disabled_at: n === 0 ? 0 : null,
  }));
  await query.insertInto('accounts').values(accounts).execute();
  for (let n = 0; n < 1_203; n++) {
    // Order by bytes: upper case before lower case, é after z.
    const key = `${['a', 'B', 'é', 'z', '\u{1f426}', '\uffee'][n % 6]}${n}`;
    await query.insertInto('limit_counters').values({ key, points: n, expires_at: null }).execute();
  }
  await query
    .insertInto('content_versions')
    .values({ id: 'ver_1', account_id: 'acc_0', size: 0, released_at: null })
    .execute();
  for (let seq = 0; seq < 40; seq++) {
    const bytes = seq === 0 ? new Uint8Array() : Buffer.concat([Buffer.from([0, 255, 0]), randomBytes(20)]);
    await query.insertInto('content_chunks').values({ version_id: 'ver_1', seq, bytes }).execute();
  }
  return { copied: await copyTables(query, target.query), target };
}

test('every table that the migrations make is one that is copied, by its whole primary key', async (t) => {
  const { query } = await emptyDatabase(t);
  const made = (await query.introspection.getTables()).map(({ name }) => name);
  assert.deepEqual(tables.toSorted(), made.sort());
  for (const table of tables) {
    const { rows } = await sql<{
      name: string;
    }>`SELECT name FROM pragma_table_info(${table}) WHERE pk > 0 ORDER BY pk`.execute(query);
    assert.deepEqual(
      primaryKeys[table],
      rows.map(({ name }) => name),
      table,
    );
  }
});

test('every table comes after those it refers to', async (t) => {
  const { query } = await emptyDatabase(t);
  for (const [index, table] of tables.entries()) {
    const { rows } = await sql<{
      parent: string;
    }>`SELECT "table" AS parent FROM pragma_foreign_key_list(${table})`.execute(query);
    for (const { parent } of rows)
      assert.ok((tables as readonly string[]).slice(0, index).includes(parent), `${table} → ${parent}`);
  }
});

test('a copy has every row as it was, over any number of batches', async (t) => {
  const { copied, target } = await scene(t);
  const rows = Object.fromEntries(copied.map(({ table, rows }) => [table, rows]));
  assert.deepEqual([rows.accounts, rows.limit_counters, rows.content_chunks], [3, 1_203, 40]);
  await compareTables(copied, target.query);
  const first = await target.query.selectFrom('accounts').selectAll().orderBy('id').executeTakeFirstOrThrow();
  assert.deepEqual(
    { ...first },
    {
      id: 'acc_0',
      email: '“é\u{1f426}\u00a00”@example.com',
      password_hash: '',
      created_at: 2 ** 52,
      disabled_at: 0,
    },
  );
});

const defects: [what: string, statement: RawBuilder<unknown>, said: RegExp][] = [
  [
    'a changed value',
    sql`UPDATE limit_counters SET points = points + 1 WHERE key = 'a600'`,
    /limit_counters differs between /,
  ],
  [
    'one changed byte',
    sql`UPDATE content_chunks SET bytes = zeroblob(length(bytes)) WHERE seq = 37`,
    /content_chunks differs between ver_1 32 and ver_1 39/,
  ],
  [
    'nothing for zero',
    sql`UPDATE accounts SET disabled_at = NULL WHERE id = 'acc_0'`,
    /accounts differs between acc_0 and acc_2/,
  ],
  ['a text for a number', sql`UPDATE accounts SET created_at = 'x' WHERE id = 'acc_0'`, /accounts differs/],
  [
    'a missing row',
    sql`DELETE FROM limit_counters WHERE key = 'a0'`,
    /limit_counters 1203 rows were read, and there are 1202/,
  ],
  [
    'a row more',
    sql`INSERT INTO limit_counters (key, points) VALUES ('z', 0)`,
    /limit_counters 1203 rows were read, and there are 1204/,
  ],
  ['another row in its place', sql`UPDATE limit_counters SET key = 'zzz' WHERE key = 'z3'`, /limit_counters differs/],
];
for (const [what, statement, said] of defects) {
  test(`comparing finds ${what}`, async (t) => {
    const { copied, target } = await scene(t);
    await statement.execute(target.query);
    await assert.rejects(compareTables(copied, target.query), { name: 'CopyError', message: said });
  });
}

test('a text that PostgreSQL cannot store is named', async (t) => {
  const [source, target] = [await emptyDatabase(t), await emptyDatabase(t)];
  await source.query.insertInto('limit_counters').values({ key: 'a\0b', points: 0, expires_at: null }).execute();
  await assert.rejects(copyTables(source.query, target.query), /key of limit_counters a\0b holds a zero character/);
});
