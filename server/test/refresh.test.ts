import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '#kysely';
import { bootServer, type TestServer, temporaryDirectory } from './boot.ts';

const refresh = (server: TestServer, refreshToken: string) => server.call('POST', '/auth/refresh', { refreshToken });

/** Uses a token up and returns its successor. */
async function rotate(
  server: TestServer,
  refreshToken: string,
): Promise<{ accessToken: string; refreshToken: string }> {
  const answer = await refresh(server, refreshToken);
  assert.equal(answer.status, 200, String(answer.bytes));
  assert.ok(answer.refreshToken);
  return { accessToken: answer.json.access_token, refreshToken: answer.refreshToken };
}

/** Moves every use of a refresh token into the past, as if so many milliseconds had gone by. */
async function age(server: TestServer, ms: number): Promise<void> {
  await server.services.database.query
    .updateTable('refresh_tokens')
    .set({ used_at: sql<number>`used_at - ${ms}` })
    .where('used_at', 'is not', null)
    .execute();
}

async function refuses(server: TestServer, refreshToken: string, why: string): Promise<void> {
  const answer = await refresh(server, refreshToken);
  assert.equal(answer.status, 401, why);
  assert.equal(answer.json.code, 'invalid_credentials');
  assert.equal(answer.headers.get('set-cookie'), null, 'a refused refresh sets no cookie');
}

const isAlive = async (server: TestServer, accessToken: string): Promise<boolean> =>
  (await server.call('GET', '/me', { bearer: accessToken })).status === 200;

const reuseEvents = (server: TestServer) =>
  server.services.database.query.selectFrom('events').selectAll().where('kind', '=', 'refresh_reuse').execute();

test('a refresh answers a working access token and replaces the cookie, with every attribute browsers need', async (t) => {
  const server = await bootServer(t);
  const { refreshToken } = await server.register();
  const answer = await refresh(server, refreshToken);
  assert.deepEqual(Object.keys(answer.json).sort(), ['access_token', 'expires_in', 'token_type']);
  assert.equal(answer.json.token_type, 'bearer');
  assert.equal(answer.json.expires_in, 900);
  assert.ok(await isAlive(server, answer.json.access_token));
  assert.notEqual(answer.refreshToken, refreshToken);
  assert.match(
    answer.headers.get('set-cookie') ?? '',
    /^__Host-inksong_refresh=[\w-]{43}; HttpOnly; Secure; SameSite=Strict; Path=\/; Max-Age=2592000$/,
  );
});

test('20 parallel refreshes of one cookie give one successor, the same to all', async (t) => {
  const server = await bootServer(t);
  let { refreshToken, sessionId } = await server.register();
  for (let round = 0; round < 10; round++) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(server, refreshToken)));
    assert.deepEqual([...new Set(answers.map((answer) => answer.status))], [200]);
    const successors = new Set(answers.map((answer) => answer.refreshToken));
    assert.equal(successors.size, 1);
    const unused = await server.services.database.query
      .selectFrom('refresh_tokens')
      .select('hash')
      .where('session_id', '=', sessionId)
      .where('used_at', 'is', null)
      .execute();
    assert.equal(unused.length, 1, 'exactly one live token in the session');
    refreshToken = [...successors][0] ?? '';
  }
});

test('within the grace, a token whose successor is unused gives the same successor again', async (t) => {
  const server = await bootServer(t);
  const { refreshToken } = await server.register();
  const first = await rotate(server, refreshToken);
  await age(server, 5_000);
  const again = await rotate(server, refreshToken);
  assert.equal(again.refreshToken, first.refreshToken);
  assert.ok(await isAlive(server, again.accessToken));
});

test('within the grace, a token whose successor is used is refused and the session lives', async (t) => {
  const server = await bootServer(t);
  const r1 = (await server.register()).refreshToken;
  const r2 = (await rotate(server, r1)).refreshToken;
  const r3 = await rotate(server, r2);
  await refuses(server, r1, 'n−2 within the grace');
  assert.ok(await isAlive(server, r3.accessToken));
  await rotate(server, r3.refreshToken);
  assert.deepEqual(await reuseEvents(server), []);
});

for (const generation of [1, 2]) {
  test(`past the grace, presenting token n−${generation} ends that session and no other, with one event`, async (t) => {
    const server = await bootServer(t);
    const account = await server.register();
    const other = await server.login(account);
    const stranger = await server.register();
    const chain = [account.refreshToken];
    let newest = { accessToken: account.accessToken, refreshToken: account.refreshToken };
    for (let count = 0; count < generation; count++) {
      newest = await rotate(server, newest.refreshToken);
      chain.push(newest.refreshToken);
    }
    await age(server, 11_000);

    await refuses(server, chain[0] ?? '', 'a replay');
    assert.equal(await isAlive(server, newest.accessToken), false, 'the access token of the ended session');
    await refuses(server, newest.refreshToken, 'the newest token of the ended session');
    await refuses(server, chain[0] ?? '', 'a second replay');

    assert.ok(await isAlive(server, other.accessToken), 'another session of the account lives');
    await rotate(server, other.refreshToken);
    await rotate(server, stranger.refreshToken);
    const events = await reuseEvents(server);
    assert.equal(events.length, 1);
    assert.equal(events[0]?.account_id, account.id);
    assert.equal(events[0]?.session_id, account.sessionId);
  });
}

test('parallel replays past the grace end the session once and leave one event', async (t) => {
  const server = await bootServer(t);
  const { refreshToken } = await server.register();
  await rotate(server, refreshToken);
  await age(server, 11_000);
  const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(server, refreshToken)));
  assert.deepEqual([...new Set(answers.map((answer) => answer.status))], [401]);
  assert.equal((await reuseEvents(server)).length, 1);
});

test('a token nobody knows is refused and ends nothing', async (t) => {
  const server = await bootServer(t);
  const { accessToken } = await server.register();
  await refuses(server, 'A'.repeat(43), 'unknown');
  await refuses(server, 'short', 'of the wrong form');
  await refuses(server, '', 'empty');
  assert.equal((await server.call('POST', '/auth/refresh')).status, 401, 'no cookie');
  assert.ok(await isAlive(server, accessToken));
});

test('two refresh cookies count as none', async (t) => {
  const server = await bootServer(t);
  const { refreshToken } = await server.register();
  const name = '__Host-inksong_refresh';
  const junk = `${name}=${'A'.repeat(43)}`;
  const real = `${name}=${refreshToken}`;
  for (const Cookie of [`${junk}; ${real}`, `${real}; ${junk}`]) {
    assert.equal((await server.call('POST', '/auth/refresh', { headers: { Cookie } })).status, 401);
  }
  await rotate(server, refreshToken);
});

test('the nonce from which a successor can be made is gone once the successor is used, or after ten seconds', async (t) => {
  const server = await bootServer(t);
  const nonces = async () =>
    (await server.services.database.query.selectFrom('refresh_tokens').select('successor_nonce').execute()).filter(
      (row) => row.successor_nonce !== null,
    ).length;
  const r1 = (await server.register()).refreshToken;
  const r2 = (await rotate(server, r1)).refreshToken;
  assert.equal(await nonces(), 1);
  await rotate(server, r2);
  assert.equal(await nonces(), 1, 'only the newest use keeps its nonce');
  await server.services.sessions.purge();
  assert.equal(await nonces(), 1, 'it is still needed');
  await age(server, 10_100);
  await server.services.sessions.purge();
  assert.equal(await nonces(), 0);
});

test('a refresh and its grace survive a restart', async (t) => {
  const INKSONG_DATA_DIR = temporaryDirectory(t);
  const before = await bootServer(t, { INKSONG_DATA_DIR });
  const { refreshToken, accessToken } = await before.register();
  const successor = await rotate(before, refreshToken);
  await before.close();

  const after = await bootServer(t, { INKSONG_DATA_DIR });
  assert.equal((await rotate(after, refreshToken)).refreshToken, successor.refreshToken);
  assert.ok(await isAlive(after, accessToken), 'so does an access token');
  await rotate(after, successor.refreshToken);
  await age(after, 11_000);
  await refuses(after, refreshToken, 'a replay is known after the restart too');
});

test('after a change of secret, old access tokens live while the former secret is configured, and refresh goes on', async (t) => {
  const INKSONG_DATA_DIR = temporaryDirectory(t);
  const [one, two] = ['one'.repeat(11), 'two'.repeat(11)];
  const before = await bootServer(t, { INKSONG_DATA_DIR, INKSONG_SECRET: one });
  const { refreshToken, accessToken } = await before.register();
  await before.close();

  const rolling = await bootServer(t, { INKSONG_DATA_DIR, INKSONG_SECRET: two, INKSONG_SECRET_PREVIOUS: one });
  assert.ok(await isAlive(rolling, accessToken));
  const successor = await rotate(rolling, refreshToken);
  assert.ok(await isAlive(rolling, successor.accessToken));
  await rolling.close();

  const after = await bootServer(t, { INKSONG_DATA_DIR, INKSONG_SECRET: two });
  assert.equal(await isAlive(after, accessToken), false, 'signed with a secret that is gone');
  assert.ok(await isAlive(after, successor.accessToken));
  await rotate(after, successor.refreshToken);
});

test('a session ends after 30 idle days, and after 90 days however busy', async (t) => {
  const server = await bootServer(t);
  const day = 24 * 3_600_000;
  const shift = (column: 'last_active_at' | 'created_at', sessionId: string, days: number) =>
    server.services.database.query
      .updateTable('sessions')
      .set({ [column]: sql<number>`${sql.ref(column)} - ${days * day}` })
      .where('id', '=', sessionId)
      .execute();

  const idle = await server.register();
  await shift('last_active_at', idle.sessionId, 29);
  const kept = await rotate(server, idle.refreshToken);
  await shift('last_active_at', idle.sessionId, 31);
  await refuses(server, kept.refreshToken, 'idle too long');
  assert.equal(await isAlive(server, kept.accessToken), false);

  const old = await server.register();
  await shift('created_at', old.sessionId, 89);
  const last = await rotate(server, old.refreshToken);
  await shift('created_at', old.sessionId, 2);
  await refuses(server, last.refreshToken, 'too old');
  assert.equal(await isAlive(server, last.accessToken), false);
});

test('a page of another origin cannot refresh or sign out with the cookie', async (t) => {
  const server = await bootServer(t);
  const { refreshToken, accessToken } = await server.register();
  const foreign = [
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site', Origin: server.config.publicUrl },
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
    { Origin: `${server.config.publicUrl}.evil.example` },
  ];
  for (const headers of foreign) {
    for (const path of ['/auth/refresh', '/auth/logout']) {
      const answer = await server.call('POST', path, { refreshToken, headers });
      assert.equal(answer.status, 403, `${path} ${JSON.stringify(headers)}`);
      assert.equal(answer.json.code, 'origin_not_allowed');
      assert.equal(answer.headers.get('set-cookie'), null);
    }
  }
  assert.ok(await isAlive(server, accessToken));
  const own = await server.call('POST', '/auth/refresh', {
    refreshToken,
    headers: { 'Sec-Fetch-Site': 'same-origin' },
  });
  assert.equal(own.status, 200);
  const byOrigin = await server.call('POST', '/auth/refresh', {
    refreshToken,
    headers: { Origin: server.config.publicUrl },
  });
  assert.equal(byOrigin.status, 200);
});

test('a form or text post to refresh is refused before anything happens', async (t) => {
  const server = await bootServer(t);
  const { refreshToken } = await server.register();
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const answer = await server.call('POST', '/auth/refresh', {
      refreshToken,
      body: 'a=b',
      headers: { 'Content-Type': type },
    });
    assert.equal(answer.status, 415, type);
  }
  const used = await server.services.database.query
    .selectFrom('refresh_tokens')
    .select('hash')
    .where('used_at', 'is not', null)
    .execute();
  assert.deepEqual(used, []);
});
