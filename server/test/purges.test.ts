import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RawBuilder, sql } from '#kysely';
import { choresOf } from '../src/app.ts';
import type { Database } from '../src/database/database.ts';
import { statementRun } from '../src/database/statement-run.ts';
import { runEach } from '../src/housekeeping.ts';
import { sliceRows } from '../src/slices.ts';
import { bootServer, type TestServer, temporaryDirectory } from './boot.ts';
import { randomHex, requireLookUps } from './database-probes.ts';
import { testEngine } from './test-database.ts';

const purgesOf = ({ services }: TestServer) => choresOf(services).filter(({ name }) => /^(purge|forget) /.test(name));

test('every statement of every purge finds its rows by an index, among many that stay', async (t) => {
  const server = await bootServer(t);
  const { database } = server.services;
  await fill(server, { over: 3, live: 5_000 });
  if (testEngine === 'postgres') await sql`ANALYZE`.execute(database.query);
  const statements = new Set<string>();
  const stopListening = statementRun.listen(({ sql }) => {
    if (/^(select|update|delete|insert)/i.test(sql)) statements.add(sql);
  });
  const warnings: string[] = [];
  await runEach(purgesOf(server), { warn: (...words: unknown[]) => void warnings.push(JSON.stringify(words)) });
  stopListening();
  assert.deepEqual(warnings, []);
  assert.ok(statements.size >= 19, `${statements.size}`);
  await requireLookUps(database, statements);
});

test('two nodes that purge at the same moment leave nothing that is over, take nothing else, and do nothing twice', async (t) => {
  const INKSONG_DATA_DIR = temporaryDirectory(t);
  const nodes = [await bootServer(t, { INKSONG_DATA_DIR }), await bootServer(t, { INKSONG_DATA_DIR })] as const;
  const { database } = nodes[0].services;
  const over = 2 * sliceRows + 200;
  const staying = await fill(nodes[0], { over, live: 20 });
  const warnings: string[] = [];
  const log = { warn: (...words: unknown[]) => void warnings.push(JSON.stringify(words)) };
  // One that meets the other may leave a rest to its next run.
  let rounds = 0;
  do await Promise.all(nodes.map((node) => runEach(purgesOf(node), log)));
  while (JSON.stringify(await countAll(database)) !== JSON.stringify(staying) && warnings.length === 0 && ++rounds < 5);
  assert.deepEqual(warnings, []);
  assert.deepEqual(await countAll(database), staying);
  const givenUp = nodes.flatMap(({ logLines }) => logLines.filter((line) => line.includes('is given up')));
  assert.equal(new Set(givenUp.map((line) => JSON.parse(line).mail_id)).size, over);
  assert.equal(givenUp.length, over, 'each mail is given up by one node');
  const usage = await database.query.selectFrom('storage_usage').select('stored_bytes').executeTakeFirst();
  assert.equal(usage?.stored_bytes, 4, 'what was erased is subtracted once');
  if (testEngine === 'postgres') {
    const { rows } = await sql<{
      deadlocks: number;
    }>`SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`.execute(database.query);
    assert.equal(rows[0]?.deadlocks, 0);
  }
});

const tables = [
  'accounts',
  'api_keys',
  'events',
  'sessions',
  'refresh_tokens',
  'idempotency_keys',
  'usage_days',
  'limit_counters',
  'mailed_links',
  'invitations',
  'outbox',
  'sign_in_addresses',
  'api_key_addresses',
  'retired_api_keys',
  'content_versions',
  'content_chunks',
] as const;

async function countAll({ query }: Database): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of tables) {
    const { rows } = await sql<{ count: number }>`SELECT count(*) AS count FROM ${sql.table(table)}`.execute(query);
    counts[table] = rows[0]?.count ?? 0;
  }
  return counts;
}

/** Fills every table that is purged with rows that are over and with others. Returns how many there are of the others. */
async function fill(
  server: TestServer,
  { over, live }: { over: number; live: number },
): Promise<Record<string, number>> {
  const { database } = server.services;
  const { query, now } = database;
  const { id: accountId, apiKey, apiKeyId } = await server.register();
  const stored = await server.call('POST', '/documents/', { key: apiKey, json: { title: 'kept', content: 'kept' } });
  assert.equal(stored.status, 201);
  const text = (value: string) => sql`CAST(${value} AS TEXT)`;
  const number = (value: number) => sql`${sql.lit(value)}`;
  const random = sql`${randomHex} || CAST(n AS TEXT)`;

  async function addRows(prefix: string, count: number, at: RawBuilder<number>, isLive: boolean): Promise<void> {
    const add = (table: string, columns: Record<string, RawBuilder<unknown>>) =>
      sql`INSERT INTO ${sql.table(table)} (${sql.join(Object.keys(columns).map((name) => sql.ref(name)))})
        WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${sql.lit(count)})
        SELECT ${sql.join(Object.values(columns))} FROM numbers`.execute(query);
    const ofAccount = { account_id: text(accountId) };
    const named = sql`${text(prefix)} || CAST(n AS TEXT)`;
    const address = text('192.0.2.1');
    const day = text(isLive ? '9999-12-31' : '2001-01-01');
    const absent = sql`CAST(NULL AS TEXT)`;
    await add('events', { id: random, ...ofAccount, kind: text('signed_in'), at, address });
    const times = { created_at: at, authenticated_at: at, last_active_at: at };
    await add('sessions', { id: named, ...ofAccount, ...times, address, user_agent: text('') });
    const nonce = isLive ? absent : text('00');
    await add('refresh_tokens', { hash: random, session_id: named, used_at: at, successor_nonce: nonce });
    const lease = { holder: random, lease_until: at, created_at: at };
    await add('idempotency_keys', { ...ofAccount, key: random, ...lease });
    await add('usage_days', { ...ofAccount, day, scheme: random, outcome: text('success'), count: number(1) });
    await add('limit_counters', { key: random, points: number(1), expires_at: at });
    await add('mailed_links', { hash: random, purpose: text('sign_up'), email: random, expires_at: at });
    await add('invitations', { hash: random, email: random, expires_at: at });
    const mail = { kind: text('refresh_reuse'), recipient: random, attempts: number(3) };
    await add('outbox', { id: random, ...mail, created_at: at, due_at: sql`${now} + 86400000` });
    await add('sign_in_addresses', { ...ofAccount, address_group: random, last_at: at });
    await add('api_key_addresses', { api_key_id: text(apiKeyId), day, address: random, last_used_at: at });
    const retired = { api_key_id: text(apiKeyId), ...ofAccount, rotated_at: at, attempts: number(1) };
    // These stay, without the address.
    if (isLive || over < sliceRows) {
      await add('retired_api_keys', { hash: random, ...retired, last_attempt_at: at, last_attempt_ip: address });
    }
    const released = isLive ? sql`CAST(NULL AS BIGINT)` : at;
    await add('content_versions', { id: named, ...ofAccount, size: number(3), released_at: released });
    const bytes = sql`CAST('abc' AS ${sql.raw(testEngine === 'sqlite' ? 'BLOB' : 'bytea')})`;
    await add('content_chunks', { version_id: named, seq: number(0), bytes });
  }

  await addRows('live', live, sql<number>`${now} + 3600000 + n`, true);
  const counts = await countAll(database);
  await addRows('over', over, sql<number>`${now} - ${sql.lit(500 * 86_400_000)} + n`, false);
  const added = sql<number>`stored_bytes + ${sql.lit(3 * over)}`;
  await query.updateTable('storage_usage').set({ stored_bytes: added }).execute();
  return counts;
}
