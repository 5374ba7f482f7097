import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '#kysely';
import { createEventStore } from '../src/events/event-store.ts';
import { createEvents } from '../src/events/events.ts';
import { bootServer, goodPassword, send, type TestServer, temporaryDirectory } from './boot.ts';
import { countWrites } from './database-probes.ts';
import { spawnServer } from './spawn-server.ts';

/** Every line of the log about an event of this kind. */
const eventLines = (server: TestServer, kind: string) =>
  server.logLines.map((line) => JSON.parse(line)).filter(({ event }) => event === kind);

const kindsStored = async (server: TestServer): Promise<string[]> =>
  (await server.services.database.query.selectFrom('events').select('kind').execute()).map(({ kind }) => kind);

const total = (events: EventAnswer[]): number => events.reduce((sum, { count }) => sum + count, 0);

interface EventAnswer {
  kind: string;
  count: number;
  address: string | null;
  session_id: string | null;
  api_key_id: string | null;
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
  await server.login(account);
  await server.services.accounts.endSessions(account.id);

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
    'all_sessions_ended',
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
  assert.ok(
    events.every(
      ({ count, at, last_at }: { count: number; at: string; last_at: string }) => count === 1 && at === last_at,
    ),
  );
});

test('each event is one line of the log once it is committed, and none when it is rolled back', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const answer = await server.call('POST', `/api-keys/${account.apiKeyId}/rotate`, { bearer: account.accessToken });
  const [line, ...more] = eventLines(server, 'api_key_rotated');
  assert.equal(more.length, 0);
  assert.equal(line.account_id, account.id);
  assert.equal(line.session_id, account.sessionId);
  assert.equal(line.api_key_id, account.apiKeyId);
  assert.equal(line.address, '127.0.0.1');
  assert.equal(line.request_id, answer.headers.get('x-request-id'));

  const { database, events } = server.services;
  const undone = database.transaction(async (trx) => {
    const who = { accountId: account.id, address: null, userAgent: null, sessionId: null, apiKeyId: null, details: {} };
    await events.record(trx, { kind: 'account_enabled', ...who });
    throw new Error('undone');
  });
  await assert.rejects(undone, /undone/);
  assert.deepEqual(eventLines(server, 'account_enabled'), []);
  assert.deepEqual(await eventsOf(server, account.accessToken, '?kind=account_enabled'), []);
});

test('once written, an event is never changed by anything that anybody does, and no route could', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const { query } = server.services.database;
  const rows = () => query.selectFrom('events').selectAll().orderBy('id').execute();
  let before = await rows();
  const flows = [
    () => server.login(account),
    () => server.call('POST', `/api-keys/${account.apiKeyId}/rotate`, { bearer: account.accessToken }),
    () => server.call('POST', '/auth/login', { json: { email: account.email, password: 'wrong' } }),
    () => server.services.events.flush(),
    () => server.services.events.purge(),
    () => server.call('POST', '/auth/logout', { bearer: account.accessToken }),
    () => server.services.accounts.disable(account.id),
  ];
  for (const flow of flows) {
    await flow();
    const after = await rows();
    assert.deepEqual(
      after.filter(({ id }) => before.some((event) => event.id === id)),
      before,
    );
    before = after;
  }
  assert.equal(before.length, 6);
  const routes = server.app.routeTable.filter(({ url }) => url.includes('/events'));
  assert.deepEqual(routes.map(({ method }) => method).sort(), ['GET', 'HEAD']);
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

test('events of one millisecond are told in the order in which they happened', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  for (let count = 0; count < 10; count++) {
    await server.services.accounts.disable(account.id);
    await server.services.accounts.enable(account.id);
  }
  await server.services.database.query.updateTable('events').set({ at: Date.now() }).execute();
  const { accessToken } = await server.login(account);
  const kinds = (await eventsOf(server, accessToken, '?limit=100')).map(({ kind }) => kind).toReversed();
  const expected = Array.from({ length: 10 }, () => ['account_disabled', 'account_enabled']).flat();
  assert.deepEqual(kinds, ['account_registered', ...expected, 'signed_in']);
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

test('200 wrong passwords at once are one event that counts them all, and one line of the log for each flush', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const { events } = server.services;
  await Promise.all(
    Array.from({ length: 200 }, async () =>
      events.gather({ accountId: account.id, kind: 'sign_in_failed', address: '203.0.113.7', userAgent: 'x' }),
    ),
  );
  assert.deepEqual(await kindsStored(server), ['account_registered'], 'nothing is written before the flush');
  await Promise.all([events.flush(), events.flush()]);
  const [failed, ...more] = await eventsOf(server, account.accessToken, '?kind=sign_in_failed');
  assert.deepEqual([failed?.count, more.length], [200, 0]);
  const lines = eventLines(server, 'sign_in_failed');
  assert.deepEqual(
    lines.map(({ level, count, account_id, address }) => ({ level, count, account_id, address })),
    [{ level: 40, count: 200, account_id: account.id, address: '203.0.113.7' }],
  );
});

test('refusals by 500 addresses fill at most 50 rows an hour and one for the rest, on all processes together', async (t) => {
  const INKSONG_DATA_DIR = temporaryDirectory(t);
  const nodes = [await bootServer(t, { INKSONG_DATA_DIR }), await bootServer(t, { INKSONG_DATA_DIR })] as const;
  const account = await nodes[0].register();
  const noon = Date.parse('2026-01-31T12:00:00Z');
  let now = noon;
  const rooms = nodes.map(({ services, app }) =>
    createEvents(createEventStore(services.database), { eventDays: 365, addressDays: 30 }, app.log, { now: () => now }),
  );
  const flood = async () => {
    for (let n = 0; n < 500; n++) {
      const address = `198.51.${n >> 8}.${n & 255}`;
      const room = rooms[n % 2];
      room?.gather({ accountId: account.id, kind: 'key_in_browser', address, userAgent: 'x' });
      if (n % 120 === 0) await room?.flush();
    }
    for (const room of rooms) await room.flush();
  };
  await flood();
  await flood();
  const all = () => eventsOf(nodes[0], account.accessToken, '?kind=key_in_browser&limit=100');
  const first = await all();
  assert.equal(first.filter(({ address }) => address !== null).length, 50);
  assert.equal(first.filter(({ address }) => address === null).length, 1);
  assert.equal(total(first), 1000);
  now = noon + 3_600_000;
  await flood();
  assert.equal((await all()).length, 100, 'another hour has room for as many');
});

test('gathering writes nothing, a flush that fails keeps its counts, and a deleted account keeps nobody else’s back', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const gone = await server.register();
  const { query } = server.services.database;
  const writes = countWrites(t);
  for (const { apiKey } of [account, gone, account]) {
    const refused = await server.call('GET', '/me', { key: apiKey, headers: { Origin: 'https://elsewhere.example' } });
    assert.equal(refused.json.code, 'key_in_browser');
  }
  assert.equal(writes(), 0);
  await query.schema.alterTable('events').renameTo('events_elsewhere').execute();
  await assert.rejects(server.services.events.flush());
  await query.schema.alterTable('events_elsewhere').renameTo('events').execute();
  assert.deepEqual(eventLines(server, 'key_in_browser'), [], 'what is not stored is not yet told');
  await server.services.accounts.delete(gone.id);
  const [event] = await eventsOf(server, account.accessToken, '?kind=key_in_browser');
  assert.equal(event?.count, 2);
  assert.equal(event?.api_key_id, account.apiKeyId);
});

test('a server that is stopped writes what it has gathered; after a crash all that was recorded is still there', async (t) => {
  const directory = temporaryDirectory(t);
  const first = await spawnServer(t, directory);
  const json = { email: 'ada@example.com', password: goodPassword };
  const registered = await send(`${first.url}/api/v1/auth/register`, 'POST', { json });
  assert.equal(registered.status, 201);
  for (let count = 0; count < 3; count++) {
    await send(`${first.url}/api/v1/me`, 'GET', {
      key: registered.json.api_key,
      headers: { Origin: 'https://x.example' },
    });
  }
  await first.stop();
  const second = await spawnServer(t, directory);
  assert.equal((await send(`${second.url}/api/v1/auth/login`, 'POST', { json })).status, 200);
  await second.kill9();
  const third = await bootServer(t, { INKSONG_DATA_DIR: directory });
  const events = await eventsOf(third, (await third.login(json)).accessToken);
  assert.deepEqual(
    events.map(({ kind, count }) => [kind, count]),
    [
      ['signed_in', 1],
      ['signed_in', 1],
      ['key_in_browser', 3],
      ['account_registered', 1],
    ],
  );
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
  assert.deepEqual((await kindsStored(server)).sort(), ['account_registered', 'sign_in_failed']);
  assert.deepEqual(
    eventLines(server, 'sign_in_failed')
      .map((line) => line.account_id)
      .sort(),
    [account.id, null],
  );
  assert.ok(!server.logLines.join('').includes('nobody@example.com'));
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
