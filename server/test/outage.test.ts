import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootServer } from './boot.ts';
import { failStatements, faults, isWrite } from './database-probes.ts';
import { testEngine } from './test-database.ts';

const outages: Record<string, number | string> =
  testEngine === 'sqlite'
    ? { BUSY: 5, IOERR_READ: 266, CORRUPT: 11, CANTOPEN: 14, NOTADB: 26 }
    : {
        admin_shutdown: '57P01',
        cannot_connect_now: '57P03',
        connection_failure: '08006',
        too_many_connections: '53300',
        io_error: '58030',
        data_corrupted: 'XX001',
        read_only_sql_transaction: '25006',
        'recovery is in progress': '55000',
        query_canceled: '57014',
        lock_not_available: '55P03',
        deadlock_detected: '40P01',
        invalid_password: '28P01',
        'no such database': '3D000',
      };

for (const [name, code] of Object.entries(outages)) {
  test(`when the database answers ${name}, every credential gets 503, never 200 or 401, and it recovers by itself`, async (t) => {
    const server = await bootServer(t);
    const account = await server.register();
    for (let use = 0; use < 3; use++) await server.call('GET', '/me', { key: account.apiKey });
    const fault = failStatements(t, { sqlite: Number(code), postgres: String(code) });
    const unknown = `ink_${'0'.repeat(48)}`;
    // All at once: a lock is waited for, and a lock that stays would have each wait its full time in turn.
    const checked = [{ key: account.apiKey }, { key: unknown }, { bearer: account.accessToken }].map((options) =>
      server.call('GET', '/me', options),
    );
    const others = [
      server.call('POST', '/auth/refresh', { refreshToken: account.refreshToken }),
      server.call('POST', '/auth/login', { json: { email: account.email, password: account.password } }),
      server.call('GET', '/readyz'),
    ];
    for (const answer of await Promise.all(checked)) {
      assert.equal(answer.status, 503);
      assert.equal(answer.json.code, 'unavailable');
      assert.doesNotMatch(String(answer.bytes), /injected|sqlite|postgres/i, 'the cause is logged, not shown');
    }
    for (const answer of await Promise.all(others)) assert.equal(answer.status, 503);
    assert.equal((await server.call('GET', '/healthz')).status, 200);
    assert.ok(server.logLines.some((line) => line.includes('injected')));
    fault.restore();
    assert.equal((await server.call('GET', '/me', { key: account.apiKey })).status, 200);
    assert.equal((await server.call('GET', '/me', { bearer: account.accessToken })).status, 200);
  });
}

test('when the disk is full, writes answer 507 and credentials are still checked', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const fault = failStatements(t, faults.full, isWrite);
  const refused = await server.call('POST', '/auth/register', {
    json: { email: 'full@example.com', password: account.password },
  });
  assert.equal(refused.status, 507);
  assert.equal(refused.json.code, 'storage_full');
  assert.equal((await server.call('GET', '/me', { key: account.apiKey })).status, 200);
  assert.equal((await server.call('GET', '/me', { key: `ink_${'0'.repeat(48)}` })).status, 401);
  await assert.rejects(server.services.apiKeys.flushLastUses());
  fault.restore();
  await server.register('full@example.com');
  await server.services.apiKeys.flushLastUses();
  const [key] = (await server.call('GET', '/api-keys/', { bearer: account.accessToken })).json.items;
  assert.ok(key.last_used_at, 'what could not be saved is saved later');
});

test('an error nobody foresaw is a 500 that says nothing but its request id', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  failStatements(t, faults.unforeseen);
  const answer = await server.call('GET', '/me', { key: account.apiKey });
  assert.equal(answer.status, 500);
  assert.equal(answer.json.code, 'internal_error');
  assert.doesNotMatch(String(answer.bytes), /injected/);
  assert.ok(server.logLines.some((line) => line.includes('injected') && line.includes(answer.json.request_id)));
});
