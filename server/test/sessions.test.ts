import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '#kysely';
import { bootServer, type TestAccount, type TestServer } from './boot.ts';
import { countWrites } from './database-probes.ts';

const list = async (server: TestServer, bearer: string) =>
  (await server.call('GET', '/auth/sessions/', { bearer })).json.items;

const isAlive = async (server: TestServer, session: { accessToken: string; refreshToken: string }) => {
  const access = (await server.call('GET', '/me', { bearer: session.accessToken })).status === 200;
  const refresh = (await server.call('POST', '/auth/refresh', { refreshToken: session.refreshToken })).status === 200;
  assert.equal(access, refresh, 'access token and cookie live and die together');
  return access;
};

const eventsOf = (server: TestServer, account: TestAccount, kind: string) =>
  server.services.database.query
    .selectFrom('events')
    .selectAll()
    .where('account_id', '=', account.id)
    .where('kind', '=', kind)
    .execute();

async function signIn(server: TestServer, account: TestAccount, userAgent: string) {
  const answer = await server.call('POST', '/auth/login', {
    json: { email: account.email, password: account.password },
    headers: { 'User-Agent': userAgent },
  });
  const accessToken: string = answer.json.access_token;
  const me = await server.call('GET', '/me', { bearer: accessToken });
  return { accessToken, refreshToken: answer.refreshToken ?? '', id: me.json.session_id as string };
}

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

test('the list shows the account’s live sessions alone, newest activity first, with device, address and which is current', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  await server.register();
  const laptop = await signIn(server, account, firefox);
  const phone = await signIn(server, account, 'curl/8.5.0');
  const ended = await signIn(server, account, firefox);
  await server.call('POST', '/auth/logout', { bearer: ended.accessToken });
  const idle = await signIn(server, account, firefox);
  const old = await signIn(server, account, firefox);
  const { query } = server.services.database;
  const days = (count: number) => sql.lit(count * 24 * 3_600_000);
  const set = (id: string, column: 'last_active_at' | 'created_at', daysAgo: number) =>
    query
      .updateTable('sessions')
      .set({ [column]: sql<number>`${sql.ref(column)} - ${days(daysAgo)}` })
      .where('id', '=', id)
      .execute();
  await set(idle.id, 'last_active_at', 31);
  await set(old.id, 'created_at', 91);
  await set(laptop.id, 'last_active_at', 1);
  await set(account.sessionId, 'last_active_at', 2);

  const items = await list(server, laptop.accessToken);
  assert.deepEqual(
    items.map((item: { id: string }) => item.id),
    [phone.id, laptop.id, account.sessionId],
  );
  assert.deepEqual(
    items.map(({ device, current }: { device: string; current: boolean }) => [device, current]),
    [
      ['curl', false],
      ['Firefox on Linux', true],
      ['node', false],
    ],
  );
  assert.equal(items[1].user_agent, firefox);
  assert.equal(items[1].address, '127.0.0.1');
  assert.ok(Date.parse(items[1].last_active_at) < Date.parse(items[1].created_at), 'aged above');
});

test('listing writes nothing', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  await server.services.database.query.schema.alterTable('events').renameTo('elsewhere').execute();
  const writes = countWrites(t);
  assert.equal((await list(server, account.accessToken)).length, 1);
  assert.equal(writes(), 0);
});

test('ending one session refuses its token and cookie on the next request, leaves the others, and is one event', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const mine = await server.login(account);
  const other = await server.login(account);
  const answer = await server.call('DELETE', `/auth/sessions/${account.sessionId}`, {
    bearer: mine.accessToken,
    headers: { 'User-Agent': firefox },
  });
  assert.equal(answer.status, 204);
  assert.equal(answer.refreshToken, null, 'only logout clears a cookie');
  assert.equal(await isAlive(server, account), false);
  assert.equal(await isAlive(server, mine), true);
  assert.equal(await isAlive(server, other), true);
  const [event, ...more] = await eventsOf(server, account, 'session_ended');
  assert.deepEqual(more, []);
  assert.equal(event?.user_agent, firefox);
  assert.deepEqual(JSON.parse(event?.details ?? ''), { ended_session_id: account.sessionId });
});

test('a session may end itself', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const answer = await server.call('DELETE', `/auth/sessions/${account.sessionId}`, { bearer: account.accessToken });
  assert.equal(answer.status, 204);
  assert.equal(await isAlive(server, account), false);
});

test('another account’s session, one that is over and one that never was are the same 404, and nothing ends', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const foreign = await server.register();
  const over = await server.login(account);
  const [{ id: overId }] = await list(server, over.accessToken);
  await server.call('POST', '/auth/logout', { bearer: over.accessToken });
  const bodies = [];
  for (const id of [foreign.sessionId, overId, `ses_${'0'.repeat(32)}`, 'ses_1', '..%2f']) {
    const answer = await server.call('DELETE', `/auth/sessions/${id}`, { bearer: account.accessToken });
    assert.equal(answer.status, 404);
    bodies.push(JSON.stringify({ ...answer.json, request_id: '' }));
  }
  assert.equal(new Set(bodies).size, 1, bodies.join('\n'));
  assert.equal(await isAlive(server, foreign), true);
  assert.deepEqual(await eventsOf(server, account, 'session_ended'), []);
});

test('ending all others leaves this session and those of other accounts, and is one event with their number', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const others = [await server.login(account), await server.login(account)];
  const foreign = await server.register();
  const end = () => server.call('DELETE', '/auth/sessions/', { bearer: account.accessToken });
  assert.equal((await end()).status, 204);
  for (const other of others) assert.equal(await isAlive(server, other), false);
  assert.equal(await isAlive(server, foreign), true);
  assert.equal((await list(server, account.accessToken)).length, 1);
  assert.equal((await end()).status, 204, 'none left');
  assert.equal(await isAlive(server, account), true);
  const events = await eventsOf(server, account, 'other_sessions_ended');
  assert.deepEqual(
    events.map(({ details, session_id }) => [JSON.parse(details), session_id]),
    [[{ ended_sessions: '2' }, account.sessionId]],
  );
});

test('a session whose ending cannot be recorded does not end', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const mine = await server.login(account);
  await server.services.database.query.schema.alterTable('events').renameTo('elsewhere').execute();
  for (const path of [`/auth/sessions/${account.sessionId}`, '/auth/sessions/']) {
    assert.equal((await server.call('DELETE', path, { bearer: mine.accessToken })).status, 500);
  }
  assert.equal((await server.call('GET', '/me', { bearer: account.accessToken })).status, 200);
});

test('requests that race with the ending of their session succeed only before it is answered', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const mine = await server.login(account);
  let ended = false;
  const late: number[] = [];
  const probe = async () => {
    for (let count = 0; count < 40; count++) {
      const sentAfter = ended;
      const { status } = await server.call('GET', '/me', { bearer: account.accessToken });
      if (sentAfter) late.push(status);
    }
  };
  const probes = [probe(), probe(), probe()];
  await server.call('GET', '/me', { bearer: account.accessToken });
  await server.call('DELETE', `/auth/sessions/${account.sessionId}`, { bearer: mine.accessToken });
  ended = true;
  await Promise.all([...probes, probe()]);
  assert.ok(late.length >= 40);
  assert.deepEqual([...new Set(late)], [401]);
});
