import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { bootServer, goodPassword, type TestServer } from './boot.ts';
import { openMailbox, receive, registerInvited } from './mailbox.ts';

const register = (server: TestServer, email: string, password = goodPassword) =>
  server.call('POST', '/auth/register', { json: { email, password } });
const resend = (server: TestServer, email: string) =>
  server.call('POST', '/auth/email/verify/resend', { json: { email } });
const verify = (server: TestServer, token = '', password?: string) =>
  server.call('POST', '/auth/email/verify', { json: { token, ...(password !== undefined && { password }) } });
const signIn = async (server: TestServer, email: string, password: string): Promise<number> =>
  (await server.call('POST', '/auth/login', { json: { email, password } })).status;
const accounts = (server: TestServer) =>
  server.services.database.query.selectFrom('accounts').select('email').execute();

async function scene(t: TestContext, environment: Record<string, string> = {}) {
  const mailbox = await openMailbox(t);
  const server = await bootServer(t, { ...mailbox.settings, ...environment });
  const forgetLimits = () => server.services.database.query.deleteFrom('limit_counters').execute();
  return { mailbox, server, forgetLimits };
}

test('a sign-up form is told whether sign-up goes by mail', async (t) => {
  const { server } = await scene(t);
  assert.equal((await server.call('GET', '/auth/config')).json.mail, true);
  const without = await bootServer(t);
  assert.equal((await without.call('GET', '/auth/config')).json.mail, false);
});

test('a sign-up costs one hash for known and unknown addresses alike, and changes nothing of a known account', async (t) => {
  const { mailbox, server } = await scene(t);
  const ada = await registerInvited(server, 'ada@example.com');
  const hashed = t.mock.method(server.services.passwords, 'hash');
  const [known, unknown] = [
    await register(server, ada.email, 'seven quiet herons crossing water'),
    await register(server, 'new@example.com', 'seven quiet herons crossing water'),
  ];
  assert.equal(hashed.mock.callCount(), 2);
  assert.deepEqual([known.status, unknown.status], [202, 202]);
  assert.deepEqual([known.refreshToken, unknown.refreshToken], [null, null]);

  const rows = await server.services.database.query.selectFrom('outbox').selectAll().orderBy('recipient').execute();
  const alike = rows.map((row) => ({
    ...row,
    id: '',
    recipient: '',
    password_hash: row.password_hash?.slice(0, 30),
    created_at: 0,
    due_at: 0,
  }));
  assert.equal(rows.length, 2);
  assert.deepEqual(alike[0], alike[1]);

  const [toKnown, toUnknown] = await receive(server, mailbox);
  assert.equal(toKnown?.link, null);
  assert.match(toKnown?.subject ?? '', /already have/);
  assert.equal(toUnknown?.token.length, 43);
  assert.equal((await server.call('GET', '/me', { bearer: ada.accessToken })).status, 200);
  await server.login(ada);
});

test('a link of a sign-up works once, makes one account under many requests, and only the newest does', async (t) => {
  const { mailbox, server } = await scene(t);
  const tokens: string[] = [];
  for (const password of [goodPassword, 'seven quiet herons crossing water']) {
    await register(server, 'new@example.com', password);
    const [mail] = await receive(server, mailbox);
    tokens.push(mail?.token ?? '');
  }
  assert.equal((await verify(server, tokens[0])).json.code, 'link_invalid');
  const answers = await Promise.all(Array.from({ length: 10 }, () => verify(server, tokens[1])));
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, ...Array(9).fill(400)]);
  assert.equal((await accounts(server)).length, 1);
  const { query } = server.services.database;
  assert.equal((await query.selectFrom('api_keys').select('id').execute()).length, 1);
  await server.login({ email: 'new@example.com', password: 'seven quiet herons crossing water' });
});

test('an expired link makes no account; mailed again within a day it does, with the password that was chosen', async (t) => {
  const { mailbox, server } = await scene(t);
  await register(server, 'new@example.com');
  const [first] = await receive(server, mailbox);
  await server.services.database.query.updateTable('mailed_links').set({ expires_at: 1 }).execute();
  assert.equal((await verify(server, first?.token)).json.code, 'link_invalid');
  assert.equal((await resend(server, 'new@example.com')).status, 202);
  const [second] = await receive(server, mailbox);
  assert.notEqual(second?.token, first?.token);
  assert.equal((await verify(server, first?.token)).json.code, 'link_invalid');
  assert.equal((await verify(server, second?.token)).status, 201);
  await server.login({ email: 'new@example.com', password: goodPassword });
});

test('mailing again answers alike for waiting, known and unknown addresses, and mails nothing to the unknown', async (t) => {
  const { mailbox, server, forgetLimits } = await scene(t);
  await registerInvited(server, 'known@example.com');
  await register(server, 'waiting@example.com');
  await receive(server, mailbox);
  const seen = [];
  for (const email of ['known@example.com', 'waiting@example.com', 'unknown@example.com']) {
    await forgetLimits();
    const answer = await resend(server, email);
    const headers = [...answer.headers].filter(([name]) => !/^(date|x-request-id|content-length)$/.test(name));
    seen.push(JSON.stringify([answer.status, headers, answer.json]).replaceAll(email, 'E-MAIL'));
  }
  assert.equal(new Set(seen).size, 1, seen.join('\n'));
  const mails = await receive(server, mailbox);
  assert.deepEqual(
    mails.map(({ to, link }) => [to[0], link !== null]),
    [
      ['known@example.com', false],
      ['waiting@example.com', true],
    ],
  );
});

test('a link for an address that got an account meanwhile makes none and says so', async (t) => {
  const { mailbox, server } = await scene(t);
  await register(server, 'new@example.com');
  const [mail] = await receive(server, mailbox);
  const first = await registerInvited(server, 'new@example.com');
  const answer = await verify(server, mail?.token);
  assert.equal(answer.status, 409);
  assert.equal(answer.json.code, 'email_taken');
  assert.equal((await server.call('GET', '/me', { key: first.apiKey })).json.id, first.id);
  assert.equal((await accounts(server)).length, 1);
});

test('a verification that cannot finish leaves nothing behind, and the link works afterwards', async (t) => {
  const { mailbox, server } = await scene(t);
  await register(server, 'new@example.com');
  const [mail] = await receive(server, mailbox);
  const { query } = server.services.database;
  await query.schema.alterTable('refresh_tokens').renameTo('elsewhere').execute();
  assert.equal((await verify(server, mail?.token)).status, 500);
  assert.deepEqual(await accounts(server), []);
  assert.deepEqual(await query.selectFrom('api_keys').select('id').execute(), []);
  await query.schema.alterTable('elsewhere').renameTo('refresh_tokens').execute();
  assert.equal((await verify(server, mail?.token)).status, 201);
});

test('where sign-up is closed an invitation makes the account at once, and nothing else does', async (t) => {
  const { mailbox, server } = await scene(t, { INKSONG_SIGNUP: 'closed' });
  const ada = await registerInvited(server, 'ada@example.com');
  assert.equal((await server.call('GET', '/me', { key: ada.apiKey })).status, 200);
  assert.equal((await register(server, 'new@example.com')).json.code, 'signup_closed');
  assert.equal((await register(server, ada.email)).json.code, 'signup_closed');
  assert.deepEqual(await receive(server, mailbox), []);
});

test('a browser that verifies a sign-up drops the session it had, and a page of another origin cannot verify', async (t) => {
  const { mailbox, server } = await scene(t);
  const ada = await registerInvited(server, 'ada@example.com');
  await register(server, 'new@example.com');
  const [mail] = await receive(server, mailbox);
  const json = { token: mail?.token };
  const foreign = { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' };
  const refused = await server.call('POST', '/auth/email/verify', { json, headers: foreign });
  assert.equal(refused.json.code, 'origin_not_allowed');
  const answer = await server.call('POST', '/auth/email/verify', { json, refreshToken: ada.refreshToken });
  assert.equal(answer.status, 201);
  assert.ok(answer.refreshToken);
  assert.equal((await server.call('GET', '/me', { bearer: ada.accessToken })).status, 401);
});

const ownersPassword = 'seven quiet herons crossing water';
const attackersPassword = 'ten loud parrots over the harbour';

test('attack: whoever signs up with another’s address does not know the password of the account that its owner opens', async (t) => {
  const { mailbox, server, forgetLimits } = await scene(t);
  const email = 'victim@example.com';
  await register(server, email, ownersPassword);
  await receive(server, mailbox);
  await forgetLimits();
  await register(server, email, attackersPassword);
  const [mail] = await receive(server, mailbox);
  await forgetLimits();
  await register(server, email, attackersPassword);
  assert.equal((await verify(server, mail?.token, ownersPassword)).status, 201);

  const [late] = await receive(server, mailbox);
  assert.equal(late?.link, null, 'a sign-up that still waited changes nothing any more');
  assert.equal(await signIn(server, email, attackersPassword), 401);
  assert.equal(await signIn(server, email, ownersPassword), 200);
  const rows = await server.services.database.query.selectFrom('mailed_links').select('purpose').execute();
  assert.deepEqual(rows, []);
});

test('a password chosen at the link follows the rules, and a refused one leaves the link as it is', async (t) => {
  const { mailbox, server } = await scene(t);
  await register(server, 'new@example.com');
  const [mail] = await receive(server, mailbox);
  for (const weak of ['short', 'passwordpassword1', 'new@example.comnew@example.com', 'x'.repeat(1_025)]) {
    const answer = await verify(server, mail?.token, weak);
    assert.equal(answer.status, 422, weak);
    assert.equal(answer.json.code, 'validation_failed');
    assert.deepEqual(
      answer.json.errors.map(({ pointer }: { pointer: string }) => pointer),
      ['/password'],
    );
    assert.deepEqual(await accounts(server), []);
  }
  assert.equal((await verify(server, mail?.token, ownersPassword)).status, 201);
  assert.equal(await signIn(server, 'new@example.com', ownersPassword), 200);
});

test('of ten openings at once, each with a password of its own, one makes the account, with its password', async (t) => {
  const { mailbox, server } = await scene(t);
  await register(server, 'new@example.com');
  const [mail] = await receive(server, mailbox);
  const passwords = Array.from({ length: 10 }, (_, index) => `${ownersPassword} and ${index} more`);
  const answers = await Promise.all(passwords.map((password) => verify(server, mail?.token, password)));
  const statuses = answers.map(({ status }) => status);
  assert.deepEqual(statuses.toSorted(), [201, ...Array(9).fill(400)]);
  assert.equal(await signIn(server, 'new@example.com', passwords[statuses.indexOf(201)] ?? ''), 200);
  assert.equal((await accounts(server)).length, 1);
});

test('a chosen password is hashed before the transaction, and never for a link that is not good', async (t) => {
  const { mailbox, server } = await scene(t);
  await register(server, 'new@example.com');
  const [mail] = await receive(server, mailbox);
  const { passwords, database } = server.services;
  const hash = passwords.hash;
  // Throws inside a transaction.
  const hashed = t.mock.method(passwords, 'hash', async (password: string) => {
    await database.query.selectFrom('accounts').select('id').execute();
    return hash(password);
  });
  const checked = t.mock.method(passwords, 'requireGood');
  assert.equal((await verify(server, 'x'.repeat(43), ownersPassword)).json.code, 'link_invalid');
  assert.deepEqual([hashed.mock.callCount(), checked.mock.callCount()], [0, 0]);
  assert.equal((await verify(server, mail?.token, ownersPassword)).status, 201);
  assert.equal((await verify(server, mail?.token, ownersPassword)).json.code, 'link_invalid');
  assert.equal(hashed.mock.callCount(), 1);
});
