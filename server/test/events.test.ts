import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import { bootServer, type TestServer } from './boot.ts';

interface EventAnswer {
  kind: string;
  count: number;
  address: string | null;
  session_id: string | null;
}

async function eventsOf(server: TestServer, bearer: string, query = ''): Promise<EventAnswer[]> {
  await server.services.events.flush();
  return (await server.call('GET', `/events/${query}`, { bearer })).json.items;
}

test('what an account does is in its audit log, newest first: when, from where, with what', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const headers = { 'User-Agent': 'a test' };
  const json = { email: account.email, password: account.password };
  const login = await server.call('POST', '/auth/login', { json, headers });
  const bearer: string = login.json.access_token;
  await server.call('POST', `/api-keys/${account.apiKeyId}/rotate`, { bearer, headers, json: { reason: 'a drill' } });
  await server.call('POST', '/auth/reauthenticate', { bearer, headers, json: { password: account.password } });
  await server.call('POST', '/auth/logout', { bearer: account.accessToken, headers });
  await server.services.accounts.disable(account.id);
  await server.services.accounts.enable(account.id);

  const again = await server.login(account);
  const events = (await server.call('GET', '/events/?limit=100', { bearer: again.accessToken })).json.items;
  assert.deepEqual(events.map(({ kind }: EventAnswer) => kind).toReversed(), [
    'account_registered',
    'signed_in',
    'api_key_rotated',
    'reauthenticated',
    'signed_out',
    'account_disabled',
    'account_enabled',
    'signed_in',
  ]);
  const rotated = events.find(({ kind }: EventAnswer) => kind === 'api_key_rotated');
  assert.equal(rotated.address, '127.0.0.1');
  assert.equal(rotated.user_agent, 'a test');
  assert.equal(rotated.api_key_id, account.apiKeyId);
  assert.deepEqual(rotated.details, { reason: 'a drill' });
  assert.ok(Math.abs(Date.parse(rotated.at) - Date.now()) < 60_000);
  const byOperator = events.find(({ kind }: EventAnswer) => kind === 'account_disabled');
  assert.equal(byOperator.address, null);
  const lines = server.logLines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'api_key_rotated');
  assert.equal(lines.length, 1, 'and it is one line of the log');
});

test('pages of the audit log neither skip nor repeat an event, and one kind can be asked for', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  for (let count = 0; count < 6; count++) await server.login(account);
  const seen: string[] = [];
  let query = '?limit=2';
  for (;;) {
    const { json } = await server.call('GET', `/events/${query}`, { bearer: account.accessToken });
    seen.push(...json.items.map(({ id }: { id: string }) => id));
    if (json.next_cursor === null) break;
    query = `?limit=2&cursor=${json.next_cursor}`;
  }
  assert.equal(seen.length, 7);
  assert.equal(new Set(seen).size, 7);
  const signedIn = await eventsOf(server, account.accessToken, '?kind=signed_in');
  assert.equal(signedIn.length, 6);
  const bad = await server.call('GET', '/events/?cursor=zzz', { bearer: account.accessToken });
  assert.equal(bad.status, 422);
});

test('nobody sees another’s events, and a key sees none', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const other = await server.register();
  await server.login(account);
  assert.deepEqual(
    (await eventsOf(server, other.accessToken)).map(({ kind }) => kind),
    ['account_registered'],
  );
  assert.equal((await server.call('GET', '/events/', { key: account.apiKey })).json.code, 'session_required');
});

test('refusals are gathered: one event an hour, kind and address with an exact count, capped for many addresses', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const refusal = { accountId: account.id, kind: 'sign_in_failed', userAgent: 'x' } as const;
  for (let count = 0; count < 200; count++) server.services.events.gather({ ...refusal, address: '203.0.113.7' });
  for (let n = 0; n < 500; n++) {
    server.services.events.gather({ ...refusal, address: `198.51.${n >> 8}.${n & 255}` });
  }
  await server.services.events.flush();
  server.services.events.gather({ ...refusal, address: '203.0.113.7' });
  const events = await eventsOf(server, account.accessToken, '?kind=sign_in_failed&limit=100');
  assert.equal(
    events.reduce((sum, { count }) => sum + count, 0),
    701,
  );
  assert.ok(events.filter(({ address }) => address !== null).length <= 100, 'at most 50 addresses an hour');
  const one = events.filter(({ address }) => address === '203.0.113.7');
  assert.equal(one[0]?.count, 201);
});

test('a wrong password is an event of a known account, and a line of the log alone for an unknown one', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  for (const email of [account.email, 'nobody@example.com']) {
    await server.call('POST', '/auth/login', { json: { email, password: 'not the password of anybody' } });
  }
  const events = await eventsOf(server, account.accessToken, '?kind=sign_in_failed');
  assert.equal(events.length, 1);
  assert.equal(events[0]?.count, 1);
  const all = await server.services.database.query.selectFrom('events').select('kind').execute();
  assert.equal(all.filter(({ kind }) => kind === 'sign_in_failed').length, 1);
});

test('events are kept for the configured days, their addresses for fewer', async (t) => {
  const server = await bootServer(t, { INKSONG_EVENT_RETENTION_DAYS: '100', INKSONG_ADDRESS_RETENTION_DAYS: '10' });
  const account = await server.register();
  const age = (days: number) =>
    server.services.database.query
      .updateTable('events')
      .set({ at: sql<number>`at - ${days * 86_400_000}` })
      .execute();
  await age(9);
  await server.services.events.purge();
  assert.equal((await eventsOf(server, account.accessToken))[0]?.address, '127.0.0.1');
  await age(2);
  await server.services.events.purge();
  assert.equal((await eventsOf(server, account.accessToken))[0]?.address, null);
  await age(90);
  await server.services.events.purge();
  assert.deepEqual(await eventsOf(server, account.accessToken), []);
});
