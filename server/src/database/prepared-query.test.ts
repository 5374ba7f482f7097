import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Database, openDatabase } from './database.ts';
import { migrate } from './migrate.ts';
import { prepareQuery, prepareRead, type Slots } from './prepared-query.ts';

async function databaseOfCounters(t: TestContext): Promise<Database> {
  const folder = mkdtempSync(join(tmpdir(), 'inksong-prepared-'));
  const database = openDatabase({ engine: 'sqlite', path: join(folder, 'inksong.db') });
  t.after(async () => {
    await database.close();
    rmSync(folder, { recursive: true });
  });
  await migrate(database);
  const counters = Array.from({ length: 20 }, (_, n) => ({ key: `key ${n}`, points: n, expires_at: null }));
  await database.query.insertInto('limit_counters').values(counters).execute();
  return database;
}

test('a prepared query answers from the values of its own run and from the rows of that moment, and is built once', async (t) => {
  const { query } = await databaseOfCounters(t);
  let built = 0;
  const find = prepareQuery(({ key, points, limit }: Slots<{ key: string; points: number; limit: number }>) => {
    built++;
    return query
      .selectFrom('limit_counters')
      .select(['key', 'points'])
      .where((eb) => eb.or([eb('key', '=', key), eb('points', '>', points)]))
      .where('expires_at', 'is', null)
      .where('points', '<', 1_000)
      .orderBy('points')
      .limit(limit);
  });
  assert.equal(built, 0);
  const keys = async (key: string, points: number, limit: number) =>
    (await find(query, { key, points, limit })).map((row) => row.key);
  assert.deepEqual(await Promise.all([keys('key 3', 17, 9), keys('key 4', 18, 9), keys('key 4', 3, 2)]), [
    ['key 3', 'key 18', 'key 19'],
    ['key 4', 'key 19'],
    ['key 4', 'key 5'],
  ]);
  await query.deleteFrom('limit_counters').where('key', '=', 'key 4').execute();
  assert.deepEqual(await keys('key 4', 18, 9), ['key 19']);
  assert.equal(built, 1);
});

test('in a transaction a prepared query sees what that has written', async (t) => {
  const { query, transaction } = await databaseOfCounters(t);
  const find = prepareQuery(({ key }: Slots<{ key: string }>) =>
    query.selectFrom('limit_counters').select('points').where('key', '=', key),
  );
  assert.deepEqual(await find(query, { key: 'key 3' }), [{ points: 3 }]);
  const undone = transaction(async (trx) => {
    await trx.updateTable('limit_counters').set({ points: 33 }).where('key', '=', 'key 3').execute();
    assert.deepEqual(await find(trx, { key: 'key 3' }), [{ points: 33 }]);
    throw new Error('undone');
  });
  await assert.rejects(undone, /undone/);
  assert.deepEqual(await find(query, { key: 'key 3' }), [{ points: 3 }]);
});

test('inside a transaction, a prepared query that does not go through it is refused at once', async (t) => {
  const { single, query, transaction } = await databaseOfCounters(t);
  const find = prepareQuery(({ key }: Slots<{ key: string }>) =>
    query.selectFrom('limit_counters').select('points').where('key', '=', key),
  );
  await assert.rejects(
    transaction(() => find(single, { key: 'key 3' })),
    /without its `trx`/,
  );
  assert.deepEqual(await find(single, { key: 'key 3' }), [{ points: 3 }]);
});

test('a prepared query waits for the transaction that has the one connection, and sees nothing of one that is undone', async (t) => {
  const { single, query, transaction } = await databaseOfCounters(t);
  const find = prepareQuery(({ key }: Slots<{ key: string }>) =>
    query.selectFrom('limit_counters').select('points').where('key', '=', key),
  );
  let written = (): void => {};
  const afterWriting = new Promise<void>((resolve) => {
    written = resolve;
  });
  const change = transaction(async (trx) => {
    await trx.updateTable('limit_counters').set({ points: 33 }).where('key', '=', 'key 3').execute();
    written();
    await new Promise((resolve) => setImmediate(resolve));
    throw new Error('undone');
  });
  const undone = assert.rejects(change, /undone/);
  await afterWriting;
  assert.deepEqual(await find(single, { key: 'key 3' }), [{ points: 3 }]);
  await undone;
});

test('a prepared read finds the rows of one key and of many, whatever number was asked for before', async (t) => {
  const { query } = await databaseOfCounters(t);
  const read = prepareRead((keys) =>
    query.selectFrom('limit_counters').select(['key', 'points']).where('key', 'in', keys).orderBy('points'),
  );
  for (const wanted of [[3], [1, 2, 9], [4], [5, 6, 7], [8, 40]]) {
    const rows = await read(
      query,
      wanted.map((n) => `key ${n}`),
    );
    assert.deepEqual(
      rows.map(({ points }) => points),
      wanted.filter((n) => n < 20),
    );
  }
});
