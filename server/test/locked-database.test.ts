import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { sql } from '#kysely';
import { AppError } from '../src/app-error.ts';
import { longestLockLine } from '../src/database/connection-turns.ts';
import { openDatabase } from '../src/database/database.ts';
import { migrate } from '../src/database/migrate.ts';
import { bootServer, databaseFile, temporaryDirectory } from './boot.ts';

/** Takes SQLite's write lock as another program would. Returns the function that lets it go. */
function holdWriteLock(t: TestContext, databasePath: string): () => void {
  const other = new DatabaseSync(databasePath);
  t.after(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  return () => other.exec('COMMIT');
}

test('while another program holds the write lock, a key is still verified and read with, and a write waits for its turn', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const release = holdWriteLock(t, databaseFile(server));
  let written = false;
  const writes = ['one', 'two'].map(async (title) => {
    const answer = await server.call('POST', '/documents/', {
      key: account.apiKey,
      json: { title, content: 'waiting', content_type: 'text/plain' },
    });
    written = true;
    return answer.status;
  });
  for (let read = 0; read < 20; read++) {
    assert.equal((await server.call('GET', '/documents/', { key: account.apiKey })).status, 200);
    assert.equal((await server.call('GET', '/me', { bearer: account.accessToken })).status, 200);
    assert.equal((await server.call('GET', '/me', { key: `ink_${'0'.repeat(48)}` })).status, 401);
  }
  assert.equal(written, false, 'the writes have not been answered yet');
  release();
  assert.deepEqual(await Promise.all(writes), [201, 201]);
  const { items } = (await server.call('GET', '/documents/', { key: account.apiKey })).json;
  assert.equal(items.length, 2);
});

/** A migrated database without a server, and writes to it. */
async function openWithoutServer(t: TestContext, patienceMs?: number) {
  const path = join(temporaryDirectory(t), 'inksong.db');
  const database = openDatabase(
    { engine: 'sqlite', path },
    { ...(patienceMs !== undefined && { lockPatienceMs: patienceMs }) },
  );
  t.after(() => database.close());
  await migrate(database);
  const row = (key: string) => ({ key, points: 1, expires_at: null });
  return {
    path,
    insert: async (key: string) => void (await database.query.insertInto('limit_counters').values(row(key)).execute()),
    insertPrepared: (key: string) =>
      database.single.executeQuery(database.query.insertInto('limit_counters').values(row(key)).compile()),
    insertInTransaction: (key: string) =>
      database.transaction(async (trx) => void (await trx.insertInto('limit_counters').values(row(key)).execute())),
    async keys(): Promise<string[]> {
      const rows = await database.query.selectFrom('limit_counters').select('key').orderBy(sql`rowid`).execute();
      return rows.map(({ key }) => key);
    },
  };
}

test('writes that wait for the lock are done in the order they came, single statements and transactions alike', async (t) => {
  const { path, keys, ...kinds } = await openWithoutServer(t);
  const inserts = [kinds.insertPrepared, kinds.insert, kinds.insertInTransaction];
  const release = holdWriteLock(t, path);
  const wanted = Array.from({ length: 20 }, (_, number) => `write ${number}`);
  const writes = wanted.map((key, number) => inserts[number % inserts.length]?.(key));
  assert.deepEqual(await keys(), [], 'a read goes first');
  release();
  await Promise.all(writes);
  assert.deepEqual(await keys(), wanted);
});

test('more writes than may wait for the lock are refused at once, and what waited is done', async (t) => {
  const { path, insert, insertInTransaction, keys } = await openWithoutServer(t);
  const release = holdWriteLock(t, path);
  const surplus = 30;
  const writes = Array.from({ length: longestLockLine + 1 + surplus }, (_, number) =>
    number % 2 ? insert(`write ${number}`) : insertInTransaction(`write ${number}`),
  );
  const outcomes = Promise.allSettled(writes);
  const refusals = await Promise.all(writes.slice(-surplus).map((write) => write.catch((error: unknown) => error)));
  for (const refusal of refusals) {
    assert.ok(refusal instanceof AppError);
    assert.equal(refusal.code, 'unavailable');
    assert.equal(refusal.retryAfterSeconds, 1);
  }
  assert.deepEqual(await keys(), []);
  release();
  const done = (await outcomes).filter(({ status }) => status === 'fulfilled');
  assert.equal(done.length, longestLockLine + 1);
  assert.equal((await keys()).length, longestLockLine + 1);
});

test('a write that cannot have the lock in time is refused, leaves nothing behind, and the next one finds its way', async (t) => {
  const { path, insert, insertPrepared, insertInTransaction, keys } = await openWithoutServer(t, 20);
  const release = holdWriteLock(t, path);
  await assert.rejects(insert('statement'), { name: 'AppError', code: 'unavailable' });
  await assert.rejects(insertPrepared('prepared'), { name: 'AppError', code: 'unavailable' });
  await assert.rejects(insertInTransaction('transaction'), { name: 'AppError', code: 'unavailable' });
  release();
  await insert('after');
  await insertInTransaction('after that');
  assert.deepEqual(await keys(), ['after', 'after that']);
});
