import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSeenAddressStore } from '../src/auth/api-keys/seen-address-store.ts';
import { addressesPerDay, createSeenAddresses } from '../src/auth/api-keys/seen-addresses.ts';
import { bootServer, type TestAccount, type TestServer } from './boot.ts';
import { callFrom } from './call-from.ts';
import { countWrites } from './database-probes.ts';

const dayMs = 86_400_000;
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

async function preview(server: TestServer, { apiKeyId, accessToken }: TestAccount, allowedIps: string[] | null) {
  const { status, json } = await server.call('POST', `/api-keys/${apiKeyId}/allowed-ips/preview`, {
    bearer: accessToken,
    json: { allowed_ips: allowedIps },
  });
  assert.equal(status, 200);
  return json;
}

const rows = ({ services }: TestServer) =>
  services.database.query.selectFrom('api_key_addresses').selectAll().orderBy('address').execute();

test('the preview tells which addresses of the last 30 days a list would shut out, and changes nothing', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const other = await server.register();
  const start = Date.now();
  for (const address of ['127.0.2.1', '127.0.2.2', '127.0.3.1']) {
    await callFrom(address, server, 'GET', '/documents/', { key: account.apiKey });
  }
  await callFrom('127.0.9.9', server, 'GET', '/documents/', { key: other.apiKey });
  await server.services.apiKeys.flushSeenAddresses();
  const old = { api_key_id: account.apiKeyId, address: '127.0.4.1' };
  await server.services.database.query
    .insertInto('api_key_addresses')
    .values([
      { ...old, day: dayOf(start - 30 * dayMs), last_used_at: start - 30 * dayMs },
      { ...old, day: dayOf(start - 5 * dayMs), last_used_at: start - 5 * dayMs },
      { ...old, address: '127.0.5.1', day: dayOf(start - 31 * dayMs), last_used_at: start - 31 * dayMs },
    ])
    .execute();

  const told = await preview(server, account, ['127.0.2.0/24', '127.0.2.0/24', '2001:DB8::7']);
  assert.deepEqual(told.allowed_ips, ['127.0.2.0/24', '2001:db8::7']);
  assert.equal(told.your_address, '127.0.0.1');
  assert.deepEqual(
    told.shut_out.map(({ address }: { address: string }) => address),
    ['127.0.3.1', '127.0.4.1'],
  );
  assert.ok(Date.parse(told.shut_out[0].last_used_at) >= start);
  assert.equal(Date.parse(told.shut_out[1].last_used_at), start - 5 * dayMs);
  assert.deepEqual((await preview(server, account, ['127.0.0.0/8'])).shut_out, []);
  const open = await preview(server, account, null);
  assert.deepEqual([open.allowed_ips, open.shut_out], [null, []]);

  const { json } = await server.call('GET', '/api-keys/', { bearer: account.accessToken });
  assert.equal(json.items[0].allowed_ips, null);
  assert.equal(
    (await server.call('GET', '/events/?kind=allowlist_changed', { bearer: account.accessToken })).json.items.length,
    0,
  );
});

test('addresses are gathered, not written on the request; each has one row a day with its last use', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const writes = countWrites(t);
  for (let use = 0; use < 10; use++) await server.call('GET', '/documents/', { key: account.apiKey });
  assert.equal(writes(), 0);
  await server.services.apiKeys.flushSeenAddresses();
  const [first, ...others] = await rows(server);
  assert.deepEqual(others, []);
  await server.call('GET', '/documents/', { key: account.apiKey });
  await server.services.apiKeys.flushSeenAddresses();
  const [later, ...more] = await rows(server);
  assert.deepEqual(more, []);
  assert.ok(first && later && later.last_used_at >= first.last_used_at);
  assert.deepEqual([later.address, later.day], ['127.0.0.1', dayOf(later.last_used_at)]);

  const { query } = server.services.database;
  await server.call('GET', '/documents/', { key: account.apiKey });
  await query.schema.alterTable('api_key_addresses').renameTo('elsewhere').execute();
  await assert.rejects(server.services.apiKeys.flushSeenAddresses());
  await query.schema.alterTable('elsewhere').renameTo('api_key_addresses').execute();
  await query.deleteFrom('api_key_addresses').execute();
  await server.services.apiKeys.flushSeenAddresses();
  assert.equal((await rows(server)).length, 1, 'a flush that failed has kept what it had');
});

test('at most 500 addresses are kept for a key and day, on all nodes together; known ones go on being noted', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const other = await server.register();
  let now = Date.UTC(2026, 0, 31, 12);
  const store = createSeenAddressStore(server.services.database);
  const nodes = [1, 2].map(() => createSeenAddresses(store, 30, { now: () => now }));
  for (const [index, node] of nodes.entries()) {
    // More than all keys together are given room for.
    for (let last = 0; last < 110_000; last++) {
      node.note(account.apiKeyId, `10.${2 * index + (last >> 16)}.${(last >> 8) & 255}.${last & 255}`);
    }
    node.note(other.apiKeyId, '192.0.2.7');
    await node.flush();
  }
  const ofKey = async () => (await rows(server)).filter(({ api_key_id }) => api_key_id === account.apiKeyId);
  assert.equal((await ofKey()).length, addressesPerDay);
  assert.ok(
    (await rows(server)).some(({ api_key_id }) => api_key_id === other.apiKeyId),
    'others are not crowded out',
  );

  now += 60_000;
  nodes[1]?.note(account.apiKeyId, '10.0.0.0');
  await nodes[1]?.flush();
  assert.equal((await ofKey()).find(({ address }) => address === '10.0.0.0')?.last_used_at, now);
  now += dayMs;
  nodes[0]?.note(account.apiKeyId, '172.16.0.1');
  await nodes[0]?.flush();
  assert.equal((await ofKey()).length, addressesPerDay + 1, 'the next day has room again');
});

test('addresses are forgotten after 30 days, or sooner when the retention says so, and with their key', async (t) => {
  for (const [setting, kept] of [
    ['365', [0, 1, 7, 8, 30]],
    ['7', [0, 1, 7]],
  ] as const) {
    const server = await bootServer(t, { INKSONG_ADDRESS_RETENTION_DAYS: setting });
    const account = await server.register();
    const now = Date.now();
    const days = [0, 1, 7, 8, 30, 31, 400].map((ago) => ({
      api_key_id: account.apiKeyId,
      day: dayOf(now - ago * dayMs),
      address: `10.0.0.${Math.min(ago, 255)}`,
      last_used_at: now - ago * dayMs,
    }));
    await server.services.database.query.insertInto('api_key_addresses').values(days).execute();
    const shutOut = (await preview(server, account, ['192.0.2.7'])).shut_out.length;
    assert.equal(shutOut, kept.length, 'what waits for the purge is not shown any more');
    await server.services.apiKeys.purgeSeenAddresses();
    assert.deepEqual(
      new Set((await rows(server)).map(({ address }) => address)),
      new Set(kept.map((ago) => `10.0.0.${ago}`)),
    );
    await callFrom('127.0.2.1', server, 'GET', '/documents/', { key: account.apiKey });
    await server.services.accounts.delete(account.id);
    await server.services.apiKeys.flushSeenAddresses();
    assert.deepEqual(await rows(server), []);
  }
});
