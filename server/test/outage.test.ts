import assert from 'node:assert/strict';
import { StatementSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { bootServer } from './boot.ts';

/** Makes every statement of one kind fail as SQLite does with this result code. */
function failWith(
  t: TestContext,
  errcode: number,
  statements: ('all' | 'run')[] = ['all', 'run'],
): { restore(): void } {
  const mocks = statements.map((name) =>
    t.mock.method(StatementSync.prototype, name, () => {
      throw Object.assign(new Error('injected'), { code: 'ERR_SQLITE_ERROR', errcode });
    }),
  );
  return {
    restore() {
      for (const mock of mocks) mock.mock.restore();
    },
  };
}

for (const [name, errcode] of Object.entries({ BUSY: 5, IOERR_READ: 266, CORRUPT: 11, CANTOPEN: 14, NOTADB: 26 })) {
  test(`when the database answers ${name}, every credential gets 503, never 200 or 401, and it recovers by itself`, async (t) => {
    const server = await bootServer(t);
    const account = await server.register();
    for (let use = 0; use < 3; use++) await server.call('GET', '/me', { key: account.apiKey });
    const fault = failWith(t, errcode);
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
      assert.doesNotMatch(String(answer.bytes), /injected|sqlite/i, 'the cause is logged, not shown');
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
  const fault = failWith(t, 13, ['run']);
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
  failWith(t, 1);
  const answer = await server.call('GET', '/me', { key: account.apiKey });
  assert.equal(answer.status, 500);
  assert.equal(answer.json.code, 'internal_error');
  assert.doesNotMatch(String(answer.bytes), /injected/);
  assert.ok(server.logLines.some((line) => line.includes('injected') && line.includes(answer.json.request_id)));
});
