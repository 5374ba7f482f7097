import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootServer, type TestServer, temporaryDirectory } from './boot.ts';
import { countWrites } from './database-probes.ts';

const today = () => new Date().toISOString().slice(0, 10);

async function usageToday(server: TestServer, bearer: string) {
  await server.services.usage.flush();
  const { json } = await server.call('GET', '/usage/', { bearer });
  const day = json.days.at(-1);
  assert.equal(day.day, today());
  return { ...day, days: json.days.length };
}

test('requests are counted by day, scheme and outcome, exactly, and zero days are shown', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  await Promise.all(Array.from({ length: 200 }, () => server.call('GET', '/documents/', { key: account.apiKey })));
  for (let count = 0; count < 3; count++) await server.call('GET', '/documents/nothing', { key: account.apiKey });
  for (let count = 0; count < 2; count++) await server.call('GET', '/api-keys/', { key: account.apiKey });
  const usage = await usageToday(server, account.accessToken);
  assert.deepEqual(usage.api_key, { success: 200, refused: 5, failed: 0 });
  assert.ok(usage.bearer.success >= 2);
  assert.equal(usage.days, 30);
  const week = await server.call('GET', '/usage/?days=7', { key: account.apiKey });
  assert.equal(week.json.days.length, 7);
  assert.equal((await server.call('GET', '/usage/?days=0', { key: account.apiKey })).status, 422);
});

test('counting writes nothing on the request path; a flush that fails keeps its counts', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const { query } = server.services.database;
  const writes = countWrites(t);
  for (let count = 0; count < 10; count++) await server.call('GET', '/documents/', { key: account.apiKey });
  assert.equal(writes(), 0);
  await query.schema.alterTable('usage_days').renameTo('usage_elsewhere').execute();
  await assert.rejects(server.services.usage.flush());
  await query.schema.alterTable('usage_elsewhere').renameTo('usage_days').execute();
  assert.equal((await usageToday(server, account.accessToken)).api_key.success, 10);
});

test('what a deleted account has used keeps nobody else’s counts from being written', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const gone = await server.register();
  for (const key of [gone.apiKey, account.apiKey]) await server.call('GET', '/documents/', { key });
  await server.services.accounts.delete(gone.id);
  assert.equal((await usageToday(server, account.accessToken)).api_key.success, 1);
  const accounts = await server.services.database.query.selectFrom('usage_days').select('account_id').execute();
  assert.ok(accounts.every(({ account_id }) => account_id === account.id));
});

test('the chart ends today, has every day once, and what is older than the retention is purged', async (t) => {
  const server = await bootServer(t, { INKSONG_EVENT_RETENTION_DAYS: '5' });
  const account = await server.register();
  const dayOf = (daysAgo: number) => new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10);
  const cells = { account_id: account.id, scheme: 'api_key', outcome: 'failed' };
  const days = [0, 1, 5, 6, 40].map((daysAgo) => ({ ...cells, day: dayOf(daysAgo), count: daysAgo + 1 }));
  await server.services.database.query.insertInto('usage_days').values(days).execute();
  const chart = async () => (await server.call('GET', '/usage/?days=60', { bearer: account.accessToken })).json.days;
  const used = async () =>
    (await chart()).flatMap((day: { day: string; api_key: { failed: number } }) =>
      day.api_key.failed > 0 ? [[day.day, day.api_key.failed]] : [],
    );
  assert.deepEqual(
    (await chart()).map(({ day }: { day: string }) => day),
    Array.from({ length: 60 }, (_, index) => dayOf(59 - index)),
  );
  assert.deepEqual(
    await used(),
    [40, 6, 5, 1, 0].map((daysAgo) => [dayOf(daysAgo), daysAgo + 1]),
  );
  await server.services.usage.purge();
  assert.deepEqual(
    await used(),
    [5, 1, 0].map((daysAgo) => [dayOf(daysAgo), daysAgo + 1]),
  );
});

test('several processes on one database add up, and nobody sees another’s usage', async (t) => {
  const INKSONG_DATA_DIR = temporaryDirectory(t);
  const nodes = [await bootServer(t, { INKSONG_DATA_DIR }), await bootServer(t, { INKSONG_DATA_DIR })] as const;
  const account = await nodes[0].register();
  const other = await nodes[0].register();
  for (const node of nodes) {
    for (let count = 0; count < 5; count++) await node.call('GET', '/documents/', { key: account.apiKey });
    await node.services.usage.flush();
  }
  assert.equal((await usageToday(nodes[0], account.accessToken)).api_key.success, 10);
  assert.equal((await usageToday(nodes[1], other.accessToken)).api_key.success, 0);
});
