import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppError } from '../src/app-error.ts';
import { passwordHashed } from '../src/auth/accounts/password.ts';
import { bootServer, goodPassword } from './boot.ts';

const register = (email: string, password = goodPassword) => ({ json: { email, password } });

test('20 parallel registrations of one address make one account with one key', async (t) => {
  const server = await bootServer(t);
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => server.call('POST', '/auth/register', register('one@example.com'))),
  );
  assert.equal(answers.filter((answer) => answer.status === 201).length, 1);
  assert.equal(answers.filter((answer) => answer.json.code === 'email_taken').length, 19);
  const { query } = server.services.database;
  assert.equal((await query.selectFrom('accounts').select('id').execute()).length, 1);
  assert.equal((await query.selectFrom('api_keys').select('id').execute()).length, 1);
  assert.equal((await query.selectFrom('sessions').select('id').execute()).length, 1);
});

test('a registration that cannot finish leaves nothing behind', async (t) => {
  const server = await bootServer(t);
  const { query } = server.services.database;
  await query.schema.alterTable('sessions').renameTo('sessions_elsewhere').execute();
  assert.equal((await server.call('POST', '/auth/register', register('half@example.com'))).status, 500);
  assert.deepEqual(await query.selectFrom('accounts').select('id').execute(), []);
  assert.deepEqual(await query.selectFrom('api_keys').select('id').execute(), []);
});

test('a fresh installation has no account, and no well-known name and password opens one', async (t) => {
  const server = await bootServer(t);
  assert.deepEqual(await server.services.accounts.list(), []);
  for (const email of ['admin@example.com', 'admin@localhost', 'root@localhost', 'inksong@localhost', 'admin']) {
    for (const password of ['admin', 'password', 'inksong', 'changeme', goodPassword]) {
      const { status } = await server.call('POST', '/auth/login', { json: { email, password } });
      // 429 once the guessing has to wait.
      assert.ok(status === 401 || status === 429, `${email} ${password} → ${status}`);
    }
  }
});

test('an address is one account in any case and Unicode form', async (t) => {
  const server = await bootServer(t);
  await server.register('Zoë@Example.com');
  const again = await server.call('POST', '/auth/register', register('zoe\u0308@example.COM'));
  assert.equal(again.json.code, 'email_taken');
  assert.equal((await server.call('POST', '/auth/login', register('ZOË@example.com'))).status, 200);
});

test('a password of 15 to 1,024 characters is taken exactly as typed', async (t) => {
  const server = await bootServer(t);
  const sized = (length: number) => 'vkq zhw nbx jtr mpd lsg ycf '.repeat(40).slice(0, length);
  const tooShort = await server.call('POST', '/auth/register', register('short@example.com', sized(14)));
  assert.equal(tooShort.status, 422);
  assert.equal(tooShort.json.errors[0].pointer, '/password');
  assert.equal((await server.call('POST', '/auth/register', register('long@example.com', sized(1025)))).status, 422);

  for (const password of [sized(15), sized(1024), '🔑🌵🎻🚲🦊🧶🪐🍉🎲🗿🥁🪁🦜🧭🛶', 'all lower case and spaces ']) {
    const email = `n${password.length}${password.charCodeAt(0)}@example.com`;
    assert.equal((await server.call('POST', '/auth/register', register(email, password))).status, 201, password);
    assert.equal((await server.call('POST', '/auth/login', register(email, password))).status, 200, password);
  }
  const exact = 'never the same brook '.repeat(4).slice(0, 72) + 'y'.repeat(128);
  const near = [
    exact.slice(0, 72),
    `${exact.slice(0, 72)}z${exact.slice(73)}`,
    `${exact} `,
    exact.toUpperCase(),
    exact.slice(0, -1),
  ];
  // An account for each, since three wrong passwords for one have to wait.
  for (const [index, password] of near.entries()) {
    const email = `exact${index}@example.com`;
    assert.equal((await server.call('POST', '/auth/register', register(email, exact))).status, 201);
    assert.equal((await server.call('POST', '/auth/login', register(email, password))).status, 401, password);
  }
});

test('the longest password may be typed decomposed, and then signs in too', async (t) => {
  const server = await bootServer(t);
  const long = `${'é'.repeat(8)}quiet herons crossing unlikely rivers ${'é'.repeat(900)}`.normalize('NFD');
  assert.equal((await server.call('POST', '/auth/register', register('nfd@example.com', long))).status, 201);
  assert.equal((await server.call('POST', '/auth/login', register('nfd@example.com', long))).status, 200);
});

test('one password typed composed and decomposed is the same password', async (t) => {
  const server = await bootServer(t);
  await server.call('POST', '/auth/register', register('nfc@example.com', 'größere Übermüdung'.normalize('NFC')));
  const answer = await server.call(
    'POST',
    '/auth/login',
    register('nfc@example.com', 'größere Übermüdung'.normalize('NFD')),
  );
  assert.equal(answer.status, 200);
});

test('unknown address, wrong password and disabled account answer alike', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const disabled = await server.register();
  await server.services.accounts.disable(disabled.id);
  const answers = [
    await server.call('POST', '/auth/login', register('nobody@example.com')),
    await server.call('POST', '/auth/login', register(account.email, 'another password of mine')),
    await server.call('POST', '/auth/login', register(disabled.email)),
  ];
  const seen = answers.map(({ status, headers, json, refreshToken }) => {
    assert.equal(status, 401);
    return JSON.stringify([{ ...json, request_id: '' }, headers.get('www-authenticate'), refreshToken]);
  });
  assert.equal(new Set(seen).size, 1, seen.join('\n'));
});

test('disabling an account refuses its key, access token and refresh cookie on the next request; enabling revives only the key', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  await server.services.accounts.disable(account.id);
  assert.equal((await server.call('GET', '/me', { key: account.apiKey })).status, 401);
  assert.equal((await server.call('GET', '/me', { bearer: account.accessToken })).status, 401);
  assert.equal((await server.call('POST', '/auth/refresh', { refreshToken: account.refreshToken })).status, 401);
  await server.services.accounts.enable(account.id);
  assert.equal((await server.call('GET', '/me', { key: account.apiKey })).status, 200);
  assert.equal((await server.call('GET', '/me', { bearer: account.accessToken })).status, 401);
  assert.equal((await server.call('POST', '/auth/refresh', { refreshToken: account.refreshToken })).status, 401);
});

test('a sign-in that was under way when the account was disabled gets no session', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  t.mock.method(server.services.passwords, 'verify', async () => {
    await server.services.accounts.disable(account.id);
    return true;
  });
  const answer = await server.call('POST', '/auth/login', {
    json: { email: account.email, password: account.password },
  });
  assert.equal(answer.status, 401);
  const { query } = server.services.database;
  assert.deepEqual(await query.selectFrom('sessions').select('id').where('ended_at', 'is', null).execute(), []);
});

test('a session that outlived its account’s disabling by accident is refused all the same', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  await server.services.database.query.updateTable('accounts').set({ disabled_at: 1 }).execute();
  assert.equal((await server.call('GET', '/me', { bearer: account.accessToken })).status, 401);
  assert.equal((await server.call('POST', '/auth/refresh', { refreshToken: account.refreshToken })).status, 401);
});

test('a deleted account is gone, and its address may sign up again as somebody new', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  await server.services.accounts.delete(account.id);
  assert.equal((await server.call('GET', '/me', { key: account.apiKey })).status, 401);
  assert.equal((await server.call('GET', '/me', { bearer: account.accessToken })).status, 401);
  const again = await server.register(account.email);
  assert.notEqual(again.id, account.id);
  assert.notEqual(again.apiKey, account.apiKey);
});

test('logging out ends an unexpired access token and the refresh cookie on the next request', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const other = await server.login(account);
  const answer = await server.call('POST', '/auth/logout', { refreshToken: account.refreshToken });
  assert.equal(answer.status, 204);
  assert.equal(answer.refreshToken, '', 'the cookie is cleared');
  assert.match(answer.headers.get('set-cookie') ?? '', /; HttpOnly; Secure; SameSite=Strict; Path=\/; Max-Age=0$/);
  assert.equal(answer.headers.get('clear-site-data'), '"storage"');
  assert.equal((await server.call('GET', '/me', { bearer: account.accessToken })).status, 401);
  assert.equal((await server.call('POST', '/auth/refresh', { refreshToken: account.refreshToken })).status, 401);
  assert.equal((await server.call('GET', '/me', { bearer: other.accessToken })).status, 200, 'the other session lives');
});

test('logging out ends the session of the cookie and that of the Bearer token, and is always 204', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const other = await server.login(account);
  await server.call('POST', '/auth/logout', { refreshToken: account.refreshToken, bearer: other.accessToken });
  assert.equal((await server.call('GET', '/me', { bearer: account.accessToken })).status, 401);
  assert.equal((await server.call('GET', '/me', { bearer: other.accessToken })).status, 401);
  const third = await server.login(account);
  await server.call('POST', '/auth/logout', { bearer: third.accessToken, key: account.apiKey });
  assert.equal(
    (await server.call('GET', '/me', { bearer: third.accessToken })).status,
    401,
    'a key sent along changes nothing',
  );
  for (const options of [{}, { refreshToken: 'junk' }, { bearer: 'junk' }, { headers: { Authorization: 'Bearer' } }]) {
    assert.equal((await server.call('POST', '/auth/logout', options)).status, 204);
  }
});

test('signing in ends the session of a refresh cookie sent along, and only that one', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const kept = await server.login(account);
  const answer = await server.call('POST', '/auth/login', {
    json: { email: account.email, password: account.password },
    refreshToken: account.refreshToken,
  });
  assert.equal(answer.status, 200);
  assert.notEqual(answer.refreshToken, account.refreshToken);
  assert.equal((await server.call('GET', '/me', { bearer: account.accessToken })).status, 401);
  assert.equal((await server.call('GET', '/me', { bearer: kept.accessToken })).status, 200);
});

test('at most two passwords are hashed at once, a bounded number waits, and the rest is told to come back', async (t) => {
  const server = await bootServer(t);
  const { passwords } = server.services;
  const most = { hashing: 0, waiting: 0 };
  const work: Promise<unknown>[] = [];
  let full = true;
  /** Makes the queue as full as it gets; at once, too, when a place comes free, or the login would slip in. */
  const fill = (): void => {
    try {
      while (full) work.push(passwords.hash('keeps the queue full').then(fill));
    } catch (error) {
      assert.equal((error as AppError).code, 'overloaded');
      const { hashing, waiting } = passwords.load();
      most.hashing = Math.max(most.hashing, hashing);
      most.waiting = Math.max(most.waiting, waiting);
    }
  };
  fill();
  // The first two leave the queue only now.
  await new Promise((resolve) => setImmediate(resolve));
  fill();
  const refused = await server.call('POST', '/auth/login', register('nobody@example.com'));
  full = false;
  assert.equal(refused.status, 503);
  assert.equal(refused.json.code, 'overloaded');
  assert.equal(refused.headers.get('retry-after'), '2');
  await Promise.all(work);
  assert.deepEqual(most, { hashing: 2, waiting: 100 });
  assert.equal((await server.call('POST', '/auth/login', register('nobody@example.com'))).status, 401, 'it recovers');
});

test('C18 an unknown address costs one hash of the same cost as a known one', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const costs: string[] = [];
  t.after(passwordHashed.listen(({ cost }) => void costs.push(cost)));
  for (const email of ['nobody@example.com', 'not an address', account.email]) {
    costs.length = 0;
    assert.equal(
      (await server.call('POST', '/auth/login', register(email, 'not the password of anybody'))).status,
      401,
    );
    assert.deepEqual(costs, ['$argon2id$v=19$m=19456,t=2,p=1'], email);
  }
});

test('closed sign-up takes only a link for that very address, once, within 72 hours', async (t) => {
  const server = await bootServer(t, { INKSONG_SIGNUP: 'closed' });
  const join = (email: string, invitation?: string) =>
    server.call('POST', '/auth/register', {
      json: { email, password: goodPassword, ...(invitation && { invitation }) },
    });
  assert.equal((await join('a@example.com')).json.code, 'signup_closed');
  assert.equal((await server.call('GET', '/auth/config')).json.signup, 'closed');

  const { token } = await server.services.accounts.invite('A@example.com');
  assert.equal((await join('b@example.com', token)).json.code, 'signup_closed');
  assert.equal((await join('a@example.com', 'x'.repeat(43))).json.code, 'signup_closed');
  const joined = await join('a@example.com', token);
  assert.equal(joined.status, 201);
  assert.match(joined.json.api_key, /^ink_[0-9a-f]{48}$/);
  assert.equal((await join('a@example.com', token)).json.code, 'signup_closed');

  const { accounts, database } = server.services;
  const late = await accounts.invite('late@example.com');
  await database.query.updateTable('invitations').set({ expires_at: 1 }).execute();
  assert.equal((await join('late@example.com', late.token)).json.code, 'signup_closed');

  const open = await accounts.invite('open@example.com');
  await accounts.purgeInvitations();
  const left = await database.query.selectFrom('invitations').select('email').execute();
  const addresses = left.map(({ email }) => email);
  assert.deepEqual(addresses, ['open@example.com'], 'the purge forgets the address of who came too late');
  assert.equal((await join('open@example.com', open.token)).status, 201);
});
