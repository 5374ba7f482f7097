import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '#kysely';
import { hashLinkToken, mintLinkToken } from '../src/mail/mailed-link.ts';
import { type Answer, bootServer, goodPassword, send, type TestServer, temporaryDirectory } from './boot.ts';
import { callFrom } from './call-from.ts';
import { spawnServer } from './spawn-server.ts';

const wrong = 'not the password at all';
/** Where the owner of an account under attack has signed in before, and has not. */
const home = '127.0.0.1';
const abroad = '127.77.0.1';

const login = (server: TestServer, email: string, password: string, address = home): Promise<Answer> =>
  callFrom(address, server, 'POST', '/auth/login', { json: { email, password } });

const count = (answers: { status: number }[], status: number): number =>
  answers.filter((answer) => answer.status === status).length;

/** Lets so many seconds go by for every count, as the database sees it. */
async function pass(server: TestServer, seconds: number): Promise<void> {
  await server.services.database.query
    .updateTable('limit_counters')
    .set({ expires_at: sql<number>`expires_at - ${seconds * 1000}` })
    .execute();
}

/** Seconds that the last try still costs in the one neighbourhood that has made any. */
async function pace(server: TestServer): Promise<number> {
  const { database } = server.services;
  const { left } = await database.query
    .selectFrom('limit_counters')
    .select(sql<number>`(expires_at - ${database.now}) / 1000.0`.as('left'))
    .where('key', 'like', 'pace:%')
    .executeTakeFirstOrThrow();
  return left;
}

/** Makes every wait that is running last another 30 seconds, however slow this machine is. */
async function holdPace({ services: { database } }: TestServer): Promise<void> {
  await database.query
    .updateTable('limit_counters')
    .set({ expires_at: sql<number>`${database.now} + 30000` })
    .where('key', 'like', 'pace:%')
    .execute();
}

/** Guesses that may have been compared by now: the fourth after 1 s, the fifth after 2 s more, the sixth after 4 s more … */
const allowedSince = (startedAt: number): number =>
  3 + Math.floor(Math.log2((performance.now() - startedAt) / 1000 + 1));

/** Has an e-mail address be guessed wrong a hundred times, from as many neighbourhoods. */
async function spendTheDay(server: TestServer, email: string): Promise<void> {
  for (let group = 1; group <= 100; group++) {
    await server.services.guesses
      .attempt(email, { address: `127.99.${group}.1`, userAgent: '' }, async () => {
        const { AppError } = await import('../src/app-error.ts');
        throw new AppError('invalid_credentials');
      })
      .catch(() => {});
  }
}

test('three wrong passwords are free, then each one costs longer than the last, and even the right one must wait', async (t) => {
  const server = await bootServer(t);
  const { email } = await server.register();
  for (let tries = 1; tries <= 15; tries++) {
    assert.equal((await login(server, email, wrong)).status, 401, `try ${tries}`);
    const full = tries < 3 ? 0 : Math.min(2 ** (tries - 3), 900);
    if (full >= 16) {
      const left = await pace(server);
      assert.ok(left > full / 2 && left <= full, `try ${tries} costs ${left} s`);
      const refused = await login(server, email, goodPassword);
      assert.equal(refused.status, 429);
      assert.equal(refused.json.code, 'rate_limited');
      assert.ok(Number(refused.headers.get('retry-after')) <= full);
      assert.equal(refused.headers.get('www-authenticate'), null);
    }
    await pass(server, full);
  }
  assert.equal((await login(server, email, goodPassword)).status, 200, 'once it has waited');
});

test('one neighbourhood does not wait for the wrong passwords of another', async (t) => {
  const server = await bootServer(t);
  const { email } = await server.register();
  for (let tries = 0; tries < 3; tries++) assert.equal((await login(server, email, wrong, '127.0.7.1')).status, 401);
  await holdPace(server);
  assert.equal((await login(server, email, goodPassword, '127.0.7.9')).status, 429, 'the same /24');
  assert.equal((await login(server, email, goodPassword, '127.0.8.1')).status, 200, 'another one');
});

test('of 200 parallel guesses from one neighbourhood three are compared, from two processes on one database too', async (t) => {
  const folder = temporaryDirectory(t);
  const servers = [await spawnServer(t, folder), await spawnServer(t, folder)];
  const startedAt = performance.now();
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      send(`${servers[index % 2]?.url}/api/v1/auth/login`, 'POST', {
        json: { email: 'nobody@example.com', password: wrong },
      }),
    ),
  );
  const compared = count(answers, 401);
  assert.equal(compared + count(answers, 429), 200);
  assert.ok(compared >= 3 && compared <= allowedSince(startedAt), `${compared} were compared`);
});

test('guesses that overlap are counted before they are compared: none slips through while another is being hashed', async (t) => {
  const server = await bootServer(t);
  const { email } = await server.register();
  let release: () => void = () => {};
  const hashing = new Promise<void>((resolve) => {
    release = resolve;
  });
  let compared = 0;
  t.mock.method(server.services.passwords, 'verify', async () => {
    // Only so that a red test ends.
    if (++compared > 3) release();
    await hashing;
    return false;
  });
  const startedAt = performance.now();
  const guesses = Array.from({ length: 50 }, () => login(server, email, wrong));
  const refused = await Promise.race([Promise.any(guesses), Promise.all(guesses)]);
  assert.ok('status' in refused && refused.status === 429, 'refused while three are still being hashed');
  release();
  const answers = await Promise.all(guesses);
  assert.equal(compared, count(answers, 401));
  assert.ok(compared >= 3 && compared <= allowedSince(startedAt), `${compared} were compared`);
});

test('the right password sets its neighbourhood free, and costs nothing itself', async (t) => {
  const server = await bootServer(t);
  const { email } = await server.register();
  for (let round = 0; round < 3; round++) {
    for (let tries = 0; tries < 2; tries++) assert.equal((await login(server, email, wrong)).status, 401);
    assert.equal((await login(server, email, goodPassword)).status, 200);
  }
  for (let tries = 0; tries < 20; tries++) assert.equal((await login(server, email, goodPassword)).status, 200);
  const counters = await server.services.database.query
    .selectFrom('limit_counters')
    .select(['key', 'points'])
    .execute();
  assert.deepEqual(
    counters.map(({ key, points }) => [key.split(':')[0], points]),
    [['failures', 6]],
    'of the day, the six wrong ones are kept',
  );
});

test('a try that compared nothing costs nothing: too busy is not wrong', async (t) => {
  const server = await bootServer(t);
  const { email } = await server.register();
  const { AppError } = await import('../src/app-error.ts');
  const busy = t.mock.method(server.services.passwords, 'verify', () => Promise.reject(new AppError('overloaded')));
  for (let tries = 0; tries < 10; tries++) assert.equal((await login(server, email, goodPassword)).status, 503);
  busy.mock.restore();
  assert.deepEqual(await server.services.database.query.selectFrom('limit_counters').selectAll().execute(), []);
});

test('500 guesses from 250 neighbourhoods at two processes are compared a hundred times, and the owner still signs in from home', async (t) => {
  const INKSONG_DATA_DIR = temporaryDirectory(t);
  const server = await bootServer(t, { INKSONG_DATA_DIR });
  const servers = [server, await bootServer(t, { INKSONG_DATA_DIR })];
  const { email } = await server.register();
  const answers: Answer[] = [];
  for (let group = 1; group <= 250; group++) {
    answers.push(
      ...(await Promise.all(servers.map((each, index) => login(each, email, wrong, `127.50.${group}.${index + 1}`)))),
    );
  }
  assert.equal(count(answers, 401), 100);
  assert.equal(count(answers, 429), 400);
  const elsewhere = await login(server, email, goodPassword, abroad);
  assert.equal(elsewhere.status, 429, 'not even the right password from where nobody has signed in');
  assert.ok(Number(elsewhere.headers.get('retry-after')) > 3_600);
  assert.equal((await login(server, email, goodPassword, home)).status, 200);
  assert.equal((await login(server, email, goodPassword, '127.0.0.200')).status, 200, 'the same /24');
  await pass(server, 86_400);
  assert.equal((await login(server, email, goodPassword, abroad)).status, 200, 'a day later');
});

test('at home the owner is let in again and again while the guessing goes on, and wrong ones there still cost', async (t) => {
  const server = await bootServer(t);
  const { email } = await server.register();
  await spendTheDay(server, email);
  for (let tries = 0; tries < 3; tries++) assert.equal((await login(server, email, wrong)).status, 401);
  assert.equal((await login(server, email, goodPassword)).status, 429);
  await pass(server, 2);
  assert.equal((await login(server, email, goodPassword)).status, 200);
});

test('a mailed link lets its owner in from anywhere, however many have guessed', async (t) => {
  const server = await bootServer(t);
  const { id, email } = await server.register();
  await spendTheDay(server, email);
  assert.equal((await login(server, email, goodPassword, abroad)).status, 429);
  const token = mintLinkToken();
  const { database } = server.services;
  await database.query
    .insertInto('mailed_links')
    .values({
      hash: hashLinkToken(token),
      purpose: 'password_reset',
      email,
      account_id: id,
      password_hash: null,
      expires_at: sql<number>`${database.now} + 60000`,
    })
    .execute();
  const newPassword = 'seven other words would do better';
  const reset = await callFrom(abroad, server, 'POST', '/auth/password/reset', {
    json: { token, new_password: newPassword },
  });
  assert.equal(reset.status, 204);
  assert.equal((await login(server, email, newPassword, abroad)).status, 200);
});

test('an address that is nobody’s fares the same, byte for byte, before, during and after the waits', async (t) => {
  const server = await bootServer(t);
  const { email: known } = await server.register('known@example.com');
  const unknown = 'ghost@example.com';
  const compare = async (when: string, address = home): Promise<number> => {
    const [one, other] = [await login(server, known, wrong, address), await login(server, unknown, wrong, address)];
    const [a, b] = [visible(one), visible(other)];
    // A second may have turned between the two.
    assert.ok(Math.abs(a.retryAfter - b.retryAfter) <= 1, when);
    assert.deepEqual({ ...a, retryAfter: 0 }, { ...b, retryAfter: 0 }, when);
    return one.status;
  };
  for (const tries of [1, 2, 3]) assert.equal(await compare(`try ${tries}`), 401);
  await holdPace(server);
  assert.equal(await compare('waiting'), 429);
  await pass(server, 30);
  assert.equal(await compare('having waited'), 401);
  await spendTheDay(server, known);
  await spendTheDay(server, unknown);
  assert.equal(await compare('the day is spent', abroad), 429);
});

test('an address that is nobody’s is hashed for as often as one that is somebody’s, and stored for neither', async (t) => {
  const server = await bootServer(t);
  const { email: known } = await server.register('known@example.com');
  const verify = t.mock.method(server.services.passwords, 'verify');
  const hashed: number[] = [];
  for (const email of [known, 'ghost@example.com']) {
    verify.mock.resetCalls();
    await Promise.all(Array.from({ length: 3 }, () => login(server, email, wrong, abroad)));
    hashed.push(verify.mock.callCount());
    await holdPace(server);
    verify.mock.resetCalls();
    assert.equal((await login(server, email, wrong, abroad)).status, 429);
    assert.equal(verify.mock.callCount(), 0, 'a refused one hashes nothing');
  }
  assert.deepEqual(hashed, [3, 3]);
  const rows = await server.services.database.query.selectFrom('limit_counters').selectAll().execute();
  assert.doesNotMatch(JSON.stringify(rows), /@|ghost|known/);
});

test('capitals and another Unicode form of an address are the same address', async (t) => {
  const server = await bootServer(t);
  for (const email of ['zoë@example.com', 'ZOË@example.com', 'zoe\u0308@EXAMPLE.com']) {
    assert.equal((await login(server, email, wrong)).status, 401);
  }
  await holdPace(server);
  assert.equal((await login(server, 'zoë@example.com', wrong)).status, 429);
});

for (const [path, body] of [
  ['/auth/reauthenticate', (password: string) => ({ password })],
  [
    '/auth/password',
    (password: string) => ({ current_password: password, new_password: 'seven other words would do better' }),
  ],
] as const) {
  test(`${path} shares the counts of login, both ways`, async (t) => {
    const server = await bootServer(t);
    const account = await server.register();
    const prove = (password: string) =>
      callFrom(home, server, 'POST', path, { bearer: account.accessToken, json: body(password) });
    for (let tries = 0; tries < 2; tries++) assert.equal((await prove(wrong)).status, 401);
    assert.equal((await login(server, account.email, wrong)).status, 401);
    await holdPace(server);
    assert.equal((await prove(goodPassword)).status, 429);
    assert.equal((await login(server, account.email, goodPassword)).status, 429);
    await pass(server, 30);
    assert.equal((await prove(goodPassword)).status, 204);
  });
}

for (const path of ['/auth/password/forgot', '/auth/email/verify/resend']) {
  test(`${path} is granted three times an hour for an address, known or not, in parallel too`, async (t) => {
    const server = await bootServer(t);
    const { email } = await server.register();
    const outcomes: unknown[] = [];
    for (const address of [email, 'ghost@example.com']) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => server.call('POST', path, { json: { email: address } })),
      );
      const refused = answers.find(({ status }) => status === 429);
      assert.ok(refused);
      outcomes.push([count(answers, 202), count(answers, 429), visible(refused).body]);
      assert.match(refused.headers.get('ratelimit-policy') ?? '', /^"(forgot|resend)";q=3;w=3600$/);
    }
    assert.deepEqual(outcomes[0], outcomes[1]);
    assert.deepEqual((outcomes[0] as number[]).slice(0, 2), [3, 17]);
  });
}

test('a clock of the database that jumps back by an hour locks nobody out', async (t) => {
  const server = await bootServer(t);
  const { email } = await server.register();
  for (let tries = 0; tries < 3; tries++) await login(server, email, wrong);
  await spendTheDay(server, email);
  await pass(server, -3_600);
  assert.equal((await login(server, email, goodPassword)).status, 200);
  assert.equal((await login(server, email, goodPassword, abroad)).status, 200);
});

test('an account keeps its latest hundred neighbourhoods, and forgets those older than the retention', async (t) => {
  const server = await bootServer(t, { INKSONG_ADDRESS_RETENTION_DAYS: '30' });
  const { services } = server;
  const { id, email } = await server.register();
  for (let group = 1; group <= 120; group++) {
    await services.database.transaction((trx) => services.guesses.welcome(trx, { id, email }, `127.60.${group}.1`));
    await services.database.query
      .updateTable('sign_in_addresses')
      .set({ last_at: sql<number>`last_at - 1000` })
      .execute();
  }
  const remembered = () => services.database.query.selectFrom('sign_in_addresses').select('address_group').execute();
  const groups = (await remembered()).map((row) => row.address_group);
  assert.equal(groups.length, 100);
  assert.ok(groups.includes('127.60.120.0/24') && groups.includes('127.60.21.0/24'));
  assert.ok(!groups.includes('127.60.20.0/24'));

  await spendTheDay(server, email);
  await services.database.query
    .updateTable('sign_in_addresses')
    .set({ last_at: sql<number>`last_at - 2592000000` })
    .where('address_group', '!=', '127.60.120.0/24')
    .execute();
  assert.equal((await login(server, email, goodPassword, '127.60.119.1')).status, 429, 'before the purge, too');
  await services.guesses.purge();
  assert.deepEqual(
    (await remembered()).map((row) => row.address_group),
    ['127.60.120.0/24'],
  );
  assert.equal((await login(server, email, goodPassword, '127.60.120.9')).status, 200);
});

test('the account sees in its events that guesses were refused; of strangers’ addresses nothing is kept', async (t) => {
  const server = await bootServer(t);
  const { id, email } = await server.register();
  for (const address of [email, 'ghost@example.com']) {
    for (let tries = 0; tries < 3; tries++) await login(server, address, wrong);
    await holdPace(server);
    for (let tries = 0; tries < 2; tries++) assert.equal((await login(server, address, wrong)).status, 429);
  }
  await server.services.events.flush();
  const events = await server.services.database.query
    .selectFrom('events')
    .select(['account_id', 'count', 'address'])
    .where('kind', '=', 'limit_reached')
    .execute();
  assert.deepEqual(
    events.map((event) => ({ ...event })),
    [{ account_id: id, count: 2, address: home }],
  );
});

/** What a caller can tell answers apart by. */
function visible({ status, headers, bytes, json }: Answer) {
  const fields = [...headers].filter(([name]) => !['date', 'x-request-id', 'retry-after', 'ratelimit'].includes(name));
  return {
    status,
    fields,
    retryAfter: Number(headers.get('retry-after') ?? 0),
    body: bytes.toString().replace(json.request_id, ''),
  };
}
