import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import pg from 'pg';
import { sql } from '#kysely';
import { Migrator } from '#kysely/migration';
import { openDatabase } from '../src/database/database.ts';
import { parseDatabaseUrl } from '../src/database/database-url.ts';
import { migrate } from '../src/database/migrate.ts';
import { migrations } from '../src/database/migration-list.ts';
import { statementRun } from '../src/database/statement-run.ts';
import { bootServer, goodPassword, send, type TestServer, temporaryDirectory } from './boot.ts';
import { OwnCluster, shared } from './own-cluster.ts';
import { runInksong, temporaryFolder } from './run-inksong.ts';
import { spawnServer } from './spawn-server.ts';
import { administer, urlOf } from './test-database.ts';

const own = new OwnCluster();

test('five servers that start at once on an empty database migrate it once, and all of them serve', async (t) => {
  const { DATABASE_URL } = await own.emptyDatabase();
  const environment = { DATABASE_URL, ...shared };
  const servers = await Promise.all(
    Array.from({ length: 5 }, () => spawnServer(t, temporaryDirectory(t), environment)),
  );
  const migrated = servers.flatMap(({ outputLines }) =>
    outputLines.filter((line) => line.includes('database migrated')),
  );
  assert.equal(migrated.length, 1);
  const json = { email: 'ada@example.com', password: goodPassword };
  const registered = await send(`${servers[0]?.url}/api/v1/auth/register`, 'POST', { json });
  assert.equal(registered.status, 201);
  for (const { url } of servers) {
    assert.equal((await send(`${url}/api/v1/me`, 'GET', { key: registered.json.api_key })).status, 200);
    assert.equal((await send(`${url}/api/v1/me`, 'GET', { bearer: registered.json.access_token })).status, 200);
  }
});

test('of migrations that begin in the same moment one does the work, and the others find it done', async (t) => {
  const { DATABASE_URL } = await own.emptyDatabase();
  const databases = Array.from({ length: 5 }, () => openDatabase(parseDatabaseUrl(DATABASE_URL)));
  t.after(() => Promise.all(databases.map((database) => database.close())));
  await Promise.all(databases.map((database) => database.probe()));
  const applied = await Promise.all(databases.map((database) => migrate(database)));
  const all = Object.keys(migrations).length;
  assert.deepEqual(
    applied.map(({ length }) => length).toSorted((one, other) => one - other),
    [0, 0, 0, 0, all],
  );
});

test('a migration gives way to whoever wants a table that another is long at, and is done once that one ends', async (t) => {
  const { DATABASE_URL } = await own.emptyDatabase();
  const database = openDatabase(parseDatabaseUrl(DATABASE_URL));
  t.after(() => database.close());
  const provider = { getMigrations: async () => migrations };
  const { error } = await new Migrator({ db: database.query, provider }).migrateTo('0003-answerable-tokens');
  assert.equal(error, undefined);
  // As a backup or a report does, which may take minutes.
  const reader = new pg.Client({ connectionString: DATABASE_URL });
  await reader.connect();
  await reader.query('BEGIN; LOCK TABLE api_keys IN ACCESS SHARE MODE');
  const attempts = new EventEmitter();
  const stopListening = statementRun.listen(({ sql }) => {
    if (/^alter table "api_keys"/.test(sql)) attempts.emit('alter');
  });
  t.after(stopListening);
  const first = once(attempts, 'alter');
  const migrated = migrate(database);
  await first;
  // Behind a migration that waits as long as the reader reads, this would wait for it too.
  await administer(DATABASE_URL, "SET statement_timeout = '10s'", 'SELECT count(*) FROM api_keys');
  await once(attempts, 'alter');
  await administer(DATABASE_URL, "SET statement_timeout = '10s'", 'SELECT count(*) FROM api_keys');
  await reader.query('COMMIT');
  await reader.end();
  assert.deepEqual(await migrated, Object.keys(migrations).slice(3));
});

test('doctor finds a sound installation sound, and never shows the password', async (t) => {
  const { DATABASE_URL, name } = await own.emptyDatabase();
  const environment = { INKSONG_DATA_DIR: temporaryFolder(t), DATABASE_URL, ...shared };
  const before = await runInksong(t, ['doctor'], { environment });
  assert.equal(before.code, 1);
  assert.match(before.stdout, /^✗ schema: This database lacks 0001-initial/m);
  assert.equal((await runInksong(t, ['migrate'], { environment })).code, 0);
  const { code, stdout } = await runInksong(t, ['doctor'], { environment });
  assert.equal(code, 0, stdout);
  assert.match(stdout, new RegExp(`^✓ database: ${name} on 127\\.0\\.0\\.1:\\d+ as inksong, PostgreSQL \\d+`, 'm'));
  assert.ok(!stdout.includes(new URL(DATABASE_URL).password));
});

test('a database that cannot be used is said with what to do, and without the password', async (t) => {
  const { DATABASE_URL } = await own.emptyDatabase();
  const wrong = new URL(DATABASE_URL);
  wrong.password = 'wrong';
  assert.match(
    await own.refusal(t, { DATABASE_URL: wrong.href }),
    /^PostgreSQL does not let inksong in: check user and password/,
  );
  assert.match(
    await own.refusal(t, { DATABASE_URL: urlOf(own.cluster.url, 'nowhere') }),
    /^There is no database nowhere yet; .*CREATE DATABASE "nowhere"/,
  );
  const closed = new URL(DATABASE_URL);
  closed.port = '1';
  assert.match(
    await own.refusal(t, { DATABASE_URL: closed.href }),
    /^PostgreSQL does not answer at \w+ on 127\.0\.0\.1:1 as inksong \(ECONNREFUSED\)\.$/,
  );
  const latin = await own.emptyDatabase("ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc");
  assert.match(await own.refusal(t, latin), /^The database's encoding is LATIN1; make one with ENCODING 'UTF8'/);

  await administer(DATABASE_URL, 'CREATE TABLE recipes (name text)');
  assert.match(
    await own.refusal(t, { DATABASE_URL }),
    /^This database belongs to another program \(it has a table recipes\)/,
  );
  await administer(
    DATABASE_URL,
    'DROP TABLE recipes',
    'CREATE SCHEMA theirs',
    'CREATE TABLE theirs.recipes (name text)',
  );
  await runInksong(t, ['migrate'], { environment: { INKSONG_DATA_DIR: temporaryFolder(t), DATABASE_URL, ...shared } });
  await administer(DATABASE_URL, "INSERT INTO kysely_migration VALUES ('9999-from-the-future', '2030-01-01')");
  for (const words of [['serve'], ['migrate'], ['accounts', 'list']]) {
    assert.match(
      await own.refusal(t, { DATABASE_URL }, words),
      /^This database belongs to a newer Inksong .*9999-from-the-future/,
    );
  }
});

test('with synchronous_commit off for everybody, Inksong’s own transactions still wait for the disk', async (t) => {
  const { environment, name } = await own.migratedDatabase(t);
  await administer(own.cluster.url, `ALTER DATABASE ${name} SET synchronous_commit = off`);
  const server = await bootServer(t, environment);
  assert.equal(await commitSetting(server), 'on');
  await administer(own.cluster.url, `ALTER DATABASE ${name} SET synchronous_commit = remote_apply`);
  const other = await bootServer(t, environment);
  assert.equal(await commitSetting(other), 'remote_apply', 'what is stronger stays');
});

test('a connection that is silent from the start is given up in time', async (t) => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => silent.close());
  const { port } = silent.address() as { port: number };
  const startedMs = performance.now();
  const text = await own.refusal(t, { DATABASE_URL: `postgres://inksong@127.0.0.1:${port}/inksong` });
  assert.match(text, /^PostgreSQL does not answer at inksong on 127\.0\.0\.1/);
  assert.ok(performance.now() - startedMs < 15_000);
});

function commitSetting({ services }: TestServer): Promise<string | undefined> {
  return services.database.transaction(async (trx) => {
    const { rows } = await sql<{ v: string }>`SELECT current_setting('synchronous_commit') AS v`.execute(trx);
    return rows[0]?.v;
  });
}
