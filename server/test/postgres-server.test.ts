import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { chownSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import pg from 'pg';
import { openDatabase } from '../src/database/database.ts';
import { parseDatabaseUrl } from '../src/database/database-url.ts';
import { migrate } from '../src/database/migrate.ts';
import { migrations } from '../src/database/migration-list.ts';
import { statementRun } from '../src/database/statement-run.ts';
import { bootServer, goodPassword, send, type TestServer, temporaryDirectory } from './boot.ts';
import { type Cluster, startCluster } from './postgres-cluster.ts';
import { runInksong, temporaryFolder } from './run-inksong.ts';
import { spawnServer } from './spawn-server.ts';
import { administer, urlOf } from './test-database.ts';

// A cluster of this file's own, since these tests stop it and set it up otherwise.
let cluster: Cluster;
before(async () => {
  cluster = await startCluster({ fsync: 'on', full_page_writes: 'on', wal_level: 'replica' });
});
after(() => cluster.remove());

let made = 0;

/** Makes an empty database. Returns what a server needs to stand on it. */
async function emptyDatabase(options = ''): Promise<{ DATABASE_URL: string; name: string }> {
  const name = `own${++made}`;
  await administer(cluster.url, `CREATE DATABASE ${name} TEMPLATE template0 ${options}`);
  return { DATABASE_URL: urlOf(cluster.url, name), name };
}

const shared = {
  INKSONG_SECRET: 'a secret for tests that is long enough',
  INKSONG_PUBLIC_URL: 'http://localhost:8080',
};

async function refusal(t: TestContext, environment: Record<string, string>, words = ['serve']): Promise<string> {
  const settings = { PORT: '0', INKSONG_DATA_DIR: join(temporaryFolder(t), 'data'), ...shared, ...environment };
  const { code, stdout, stderr } = await runInksong(t, words, { environment: settings });
  assert.equal(code, 1, stdout + stderr);
  const { password } = new URL(cluster.url);
  assert.ok(!(stdout + stderr).includes(password), 'the password is shown');
  assert.doesNotMatch(stdout + stderr, /^\s+at /m);
  return stderr.trim();
}

test('five servers that start at once on an empty database migrate it once, and all of them serve', async (t) => {
  const { DATABASE_URL } = await emptyDatabase();
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
  const { DATABASE_URL } = await emptyDatabase();
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
  const { DATABASE_URL } = await emptyDatabase();
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
  const { DATABASE_URL, name } = await emptyDatabase();
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
  const { DATABASE_URL } = await emptyDatabase();
  const wrong = new URL(DATABASE_URL);
  wrong.password = 'wrong';
  assert.match(
    await refusal(t, { DATABASE_URL: wrong.href }),
    /^PostgreSQL does not let inksong in: check user and password/,
  );
  assert.match(
    await refusal(t, { DATABASE_URL: urlOf(cluster.url, 'nowhere') }),
    /^There is no database nowhere yet; .*CREATE DATABASE "nowhere"/,
  );
  const closed = new URL(DATABASE_URL);
  closed.port = '1';
  assert.match(
    await refusal(t, { DATABASE_URL: closed.href }),
    /^PostgreSQL does not answer at \w+ on 127\.0\.0\.1:1 as inksong \(ECONNREFUSED\)\.$/,
  );
  const latin = await emptyDatabase("ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc");
  assert.match(await refusal(t, latin), /^The database's encoding is LATIN1; make one with ENCODING 'UTF8'/);

  await administer(DATABASE_URL, 'CREATE TABLE recipes (name text)');
  assert.match(
    await refusal(t, { DATABASE_URL }),
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
      await refusal(t, { DATABASE_URL }, words),
      /^This database belongs to a newer Inksong .*9999-from-the-future/,
    );
  }
});

async function migratedDatabase(t: TestContext) {
  const { DATABASE_URL, name } = await emptyDatabase();
  const environment = { DATABASE_URL, ...shared };
  const { code, stderr } = await runInksong(t, ['migrate'], {
    environment: { ...environment, INKSONG_DATA_DIR: temporaryFolder(t) },
  });
  assert.equal(code, 0, stderr);
  return { environment, name };
}

test('through an outage of the database there are only right answers and 503s, and service is back within 3 s of it, in the same process', async (t) => {
  const { environment } = await migratedDatabase(t);
  const server = await spawnServer(t, temporaryDirectory(t), environment);
  const api = `${server.url}/api/v1`;
  const json = { email: 'ada@example.com', password: goodPassword };
  const { api_key: key, access_token: bearer } = (await send(`${api}/auth/register`, 'POST', { json })).json;
  const unknown = `ink_${'0'.repeat(48)}`;

  const seen = { up: new Set<string>(), down: new Set<string>() };
  let phase: 'up' | 'down' = 'up';
  let isOver = false;
  const ask = async (what: string, path: string, method: string, options: Parameters<typeof send>[2]) => {
    while (!isOver) {
      const began = phase;
      const startedMs = performance.now();
      const { status, headers } = await send(api + path, method, options);
      assert.ok(performance.now() - startedMs < 10_000, `${what} hung`);
      if (status === 503) assert.ok(headers.get('retry-after'));
      // A request that saw the change of phases may have been answered by either.
      if (began === phase) seen[phase].add(`${what} ${status}`);
    }
  };
  const asking = [
    ask('key', '/me', 'GET', { key }),
    ask('unknown', '/me', 'GET', { key: unknown }),
    ask('bearer', '/me', 'GET', { bearer }),
    ask('write', '/documents/', 'POST', { key, json: { title: 'one', content: 'text' } }),
    ask('ready', '/../../readyz', 'GET', {}),
  ];
  const sees = (which: 'up' | 'down', ...answers: string[]) =>
    eventually(
      () => answers.every((answer) => seen[which].has(answer)),
      () => `${which}: ${[...seen[which]]}`,
    );
  try {
    for (let round = 0; round < 3; round++) {
      await sees('up', 'key 200', 'unknown 401', 'bearer 200', 'write 201', 'ready 200');
      phase = 'down';
      await cluster.stop('immediate');
      // Whatever was on its way when the database went is through once the next ones are.
      seen.down.clear();
      await sees('down', 'key 503', 'unknown 503', 'bearer 503', 'write 503', 'ready 503');
      await cluster.start();
      const backMs = performance.now();
      seen.up.clear();
      phase = 'up';
      await untilServed(`${api}/me`, key);
      assert.ok(performance.now() - backMs < 3_000, `back after ${performance.now() - backMs} ms`);
    }
  } finally {
    isOver = true;
  }
  await Promise.all(asking);
  const wrong = [...seen.up, ...seen.down].filter(
    (one) => !/ (200|201|401|503)$/.test(one) || /^(key|bearer) 401/.test(one),
  );
  assert.deepEqual(wrong, []);
  assert.equal((await send(`${server.url}/healthz`, 'GET')).status, 200, 'the same process');
  const { numbackends } = (
    await administer(
      cluster.url,
      `SELECT count(*)::int AS numbackends FROM pg_stat_activity WHERE application_name = 'inksong'`,
    )
  ).rows[0];
  assert.ok(numbackends <= 10, `${numbackends} connections`);
  assert.ok(!server.outputLines.some((line) => /unhandled|"level":"(fatal|error)".*TypeError/i.test(line)));
  assert.equal(await server.stop(), 0);
});

test('a database that stands still costs a 503 in time, not a hang, and its going on is noticed', async (t) => {
  const { environment } = await migratedDatabase(t);
  const server = await bootServer(t, environment);
  const account = await server.register();
  await server.call('GET', '/me', { key: account.apiKey });
  const pids: number[] = (
    await administer(cluster.url, `SELECT pid FROM pg_stat_activity WHERE application_name = 'inksong'`)
  ).rows.map(({ pid }) => pid);
  assert.ok(pids.length > 0);
  // New connections are taken by the system, but nobody greets them.
  const still = [...pids, cluster.pid];
  for (const pid of still) process.kill(pid, 'SIGSTOP');
  try {
    const startedMs = performance.now();
    const answers = await Promise.all([
      ...Array.from({ length: 40 }, () => server.call('GET', '/me', { key: account.apiKey })),
      server.call('GET', '/me', { bearer: account.accessToken }),
      server.call('GET', '/me', { key: `ink_${'0'.repeat(48)}` }),
      server.call('POST', '/documents/', { key: account.apiKey, json: { title: 'one', content: 'text' } }),
      server.call('GET', '/readyz'),
    ]);
    for (const { status, headers } of answers) assert.deepEqual([status, headers.get('retry-after')], [503, '1']);
    assert.ok(performance.now() - startedMs < 10_000, `${performance.now() - startedMs} ms`);
  } finally {
    for (const pid of still) process.kill(pid, 'SIGCONT');
  }
  await untilServed(`${server.url}/api/v1/me`, account.apiKey);
});

test('when the way to the database swallows what is sent, one answer is late, and the next takes a new way', async (t) => {
  const { environment } = await migratedDatabase(t);
  const way = await openWay(t, cluster.port);
  const url = new URL(environment.DATABASE_URL);
  url.port = String(way.port);
  const server = await bootServer(t, { ...environment, DATABASE_URL: url.href });
  const account = await server.register();
  const { probe } = server.services.database;
  // All the connections there may be, idle again.
  await Promise.all(Array.from({ length: 30 }, () => probe()));
  await Promise.all(Array.from({ length: 30 }, () => server.services.apiKeys.verify(account.apiKey, '127.0.0.1')));
  way.swallow();
  await assert.rejects(probe(), { code: 'unavailable' });
  await probe();
  assert.equal((await server.call('GET', '/me', { key: account.apiKey })).status, 503);
  assert.equal((await server.call('GET', '/me', { key: account.apiKey })).status, 200);
});

test('a server that has become a standby answers no credential, known or not: what it knows may be old', async (t) => {
  const { environment } = await migratedDatabase(t);
  const server = await bootServer(t, environment);
  const account = await server.register();
  const standby = join(cluster.folder, 'standby.signal');
  await cluster.stop();
  writeFileSync(standby, '');
  if (cluster.owner) chownSync(standby, cluster.owner.uid, cluster.owner.gid);
  await cluster.start();
  try {
    assert.equal((await administer(cluster.url, 'SELECT pg_is_in_recovery() AS so')).rows[0].so, true);
    // The first may still meet a connection that is gone.
    for (let round = 0; round < 3; round++) {
      for (const credential of [
        { key: account.apiKey },
        { key: `ink_${'0'.repeat(48)}` },
        { bearer: account.accessToken },
      ]) {
        const { status, json } = await server.call('GET', '/me', credential);
        assert.deepEqual([status, json.code], [503, 'unavailable']);
      }
      assert.equal((await server.call('GET', '/readyz')).status, 503);
    }
    assert.ok(server.logLines.some((line) => line.includes('recovery is in progress')));
    assert.equal(await refusal(t, environment), 'This PostgreSQL is a standby; DATABASE_URL must lead to the primary.');
  } finally {
    await cluster.stop();
    rmSync(standby);
    await cluster.start();
  }
  await untilServed(`${server.url}/api/v1/me`, account.apiKey);
});

test('connections that the server ends are replaced, in transactions too', async (t) => {
  const { environment } = await migratedDatabase(t);
  const server = await bootServer(t, environment);
  const account = await server.register();
  const statuses = new Set<number>();
  let isOver = false;
  const asking = Array.from({ length: 4 }, async (_, n) => {
    while (!isOver) {
      const json = { title: `by ${n}`, content: 'text' };
      statuses.add((await server.call('POST', '/documents/', { key: account.apiKey, json })).status);
    }
  });
  for (let round = 0; round < 10; round++) {
    await administer(
      cluster.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'inksong'`,
    );
  }
  isOver = true;
  await Promise.all(asking);
  assert.deepEqual(
    [...statuses].filter((status) => status !== 201 && status !== 503),
    [],
  );
  await untilServed(`${server.url}/api/v1/me`, account.apiKey);
  assert.equal(
    (await server.call('POST', '/documents/', { key: account.apiKey, json: { title: 'last', content: 'x' } })).status,
    201,
  );
});

test('key checks do not wait while everything else waits for the database', async (t) => {
  const { environment } = await migratedDatabase(t);
  const server = await bootServer(t, environment);
  const account = await server.register();
  const { database } = server.services;
  const held = Promise.withResolvers<void>();
  // As many transactions as there are connections for them, and more.
  const holding = Array.from({ length: 12 }, () => database.transaction(() => held.promise).catch(() => {}));
  try {
    // Nothing else gets a connection now.
    assert.equal((await server.call('GET', '/documents/', { key: account.apiKey })).status, 503);
    for (let use = 0; use < 20; use++) {
      assert.equal((await server.call('GET', '/me', { key: account.apiKey })).status, 200);
      assert.equal((await server.call('GET', '/me', { bearer: account.accessToken })).status, 200);
    }
  } finally {
    held.resolve();
  }
  await Promise.all(holding);
  assert.equal((await server.call('GET', '/documents/', { key: account.apiKey })).status, 200);
});

test('with synchronous_commit off for everybody, Inksong’s own transactions still wait for the disk', async (t) => {
  const { environment, name } = await migratedDatabase(t);
  await administer(cluster.url, `ALTER DATABASE ${name} SET synchronous_commit = off`);
  const server = await bootServer(t, environment);
  assert.equal(await commitSetting(server), 'on');
  await administer(cluster.url, `ALTER DATABASE ${name} SET synchronous_commit = remote_apply`);
  const other = await bootServer(t, environment);
  assert.equal(await commitSetting(other), 'remote_apply', 'what is stronger stays');
});

test('a connection that is silent from the start is given up in time', async (t) => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => silent.close());
  const { port } = silent.address() as { port: number };
  const startedMs = performance.now();
  const text = await refusal(t, { DATABASE_URL: `postgres://inksong@127.0.0.1:${port}/inksong` });
  assert.match(text, /^PostgreSQL does not answer at inksong on 127\.0\.0\.1/);
  assert.ok(performance.now() - startedMs < 15_000);
});

/** A way to a port whose connections can be made to lead nowhere, as a router that forgot them does; new ones are good. */
async function openWay(t: TestContext, to: number): Promise<{ port: number; swallow(): void }> {
  const ends = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    near.pipe(far).pipe(near);
    for (const end of [near, far]) {
      ends.add(end);
      end.on('error', () => {});
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const end of ends) end.destroy();
  });
  return {
    port: (server.address() as { port: number }).port,
    swallow() {
      for (const end of ends) end.unpipe().resume();
    },
  };
}

function commitSetting({ services }: TestServer): Promise<string | undefined> {
  return services.database.transaction(async (trx) => {
    const { rows } = await sql<{ v: string }>`SELECT current_setting('synchronous_commit') AS v`.execute(trx);
    return rows[0]?.v;
  });
}

/** Long enough for the busiest machine; only what never comes about is waited for so long. */
const patienceMs = 30_000;

async function eventually(isSo: () => boolean, happened: () => string): Promise<void> {
  const deadlineMs = performance.now() + patienceMs;
  while (!isSo()) {
    if (performance.now() > deadlineMs) assert.fail(happened());
    await delay(5);
  }
}

async function untilServed(url: string, key: string): Promise<void> {
  const deadlineMs = performance.now() + patienceMs;
  while ((await send(url, 'GET', { key })).status !== 200) {
    if (performance.now() > deadlineMs) assert.fail('It is never served again.');
    await delay(20);
  }
}
