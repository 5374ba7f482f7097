import assert from 'node:assert/strict';
import { chownSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { bootServer, goodPassword, send, temporaryDirectory } from './boot.ts';
import { OwnCluster, untilServed } from './own-cluster.ts';
import { spawnServer } from './spawn-server.ts';
import { administer } from './test-database.ts';

const own = new OwnCluster();

test('through an outage of the database there are only right answers and 503s, and service is back within 3 s of it, in the same process', async (t) => {
  const { environment } = await own.migratedDatabase(t);
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
      await own.cluster.stop('immediate');
      // Whatever was on its way when the database went is through once the next ones are.
      seen.down.clear();
      await sees('down', 'key 503', 'unknown 503', 'bearer 503', 'write 503', 'ready 503');
      await own.cluster.start();
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
      own.cluster.url,
      `SELECT count(*)::int AS numbackends FROM pg_stat_activity WHERE application_name = 'inksong'`,
    )
  ).rows[0];
  assert.ok(numbackends <= 10, `${numbackends} connections`);
  assert.ok(!server.outputLines.some((line) => /unhandled|"level":"(fatal|error)".*TypeError/i.test(line)));
  assert.equal(await server.stop(), 0);
});

test('a database that stands still costs a 503 in time, not a hang, and its going on is noticed', async (t) => {
  const { environment } = await own.migratedDatabase(t);
  const server = await bootServer(t, environment);
  const account = await server.register();
  await server.call('GET', '/me', { key: account.apiKey });
  const pids: number[] = (
    await administer(own.cluster.url, `SELECT pid FROM pg_stat_activity WHERE application_name = 'inksong'`)
  ).rows.map(({ pid }) => pid);
  assert.ok(pids.length > 0);
  // New connections are taken by the system, but nobody greets them.
  const still = [...pids, own.cluster.pid];
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

test('a server that has become a standby answers no credential, known or not: what it knows may be old', async (t) => {
  const { environment } = await own.migratedDatabase(t);
  const server = await bootServer(t, environment);
  const account = await server.register();
  const standby = join(own.cluster.folder, 'standby.signal');
  await own.cluster.stop();
  writeFileSync(standby, '');
  if (own.cluster.owner) chownSync(standby, own.cluster.owner.uid, own.cluster.owner.gid);
  await own.cluster.start();
  try {
    assert.equal((await administer(own.cluster.url, 'SELECT pg_is_in_recovery() AS so')).rows[0].so, true);
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
    assert.equal(
      await own.refusal(t, environment),
      'This PostgreSQL is a standby; DATABASE_URL must lead to the primary.',
    );
  } finally {
    await own.cluster.stop();
    rmSync(standby);
    await own.cluster.start();
  }
  await untilServed(`${server.url}/api/v1/me`, account.apiKey);
});

test('connections that the server ends are replaced, in transactions too', async (t) => {
  const { environment } = await own.migratedDatabase(t);
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
      own.cluster.url,
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
  const { environment } = await own.migratedDatabase(t);
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

/** Long enough for the busiest machine; only what never comes about is waited for so long. */
const patienceMs = 30_000;

async function eventually(isSo: () => boolean, happened: () => string): Promise<void> {
  const deadlineMs = performance.now() + patienceMs;
  while (!isSo()) {
    if (performance.now() > deadlineMs) assert.fail(happened());
    await delay(5);
  }
}
