import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootServer, type TestServer } from './boot.ts';
import { openMailbox, receive, registerInvited } from './mailbox.ts';

const newPassword = 'seven quiet herons crossing water';

const forgot = (server: TestServer, email: string) => server.call('POST', '/auth/password/forgot', { json: { email } });
const reset = (server: TestServer, token: string, new_password = newPassword) =>
  server.call('POST', '/auth/password/reset', { json: { token, new_password } });
const login = async (server: TestServer, email: string, password: string): Promise<number> =>
  (await server.call('POST', '/auth/login', { json: { email, password } })).status;

async function scene(t: Parameters<typeof openMailbox>[0]) {
  const mailbox = await openMailbox(t);
  const server = await bootServer(t, mailbox.settings);
  const ada = await registerInvited(server, 'ada@example.com');
  return {
    mailbox,
    server,
    ada,
    async mailedToken(email: string): Promise<string> {
      await server.services.database.query.deleteFrom('limit_counters').execute();
      assert.equal((await forgot(server, email)).status, 202);
      const mail = (await receive(server, mailbox)).find(({ link }) => link !== null);
      assert.equal(mail?.token.length, 43);
      return mail?.token ?? '';
    },
  };
}

test('a reset link is bound to the account it was mailed for', async (t) => {
  const { server, ada, mailedToken } = await scene(t);
  const eve = await registerInvited(server, 'eve@example.com');
  const token = await mailedToken(eve.email);
  const smuggled = { token, new_password: newPassword, email: ada.email };
  assert.equal((await server.call('POST', '/auth/password/reset', { json: smuggled })).status, 422);
  assert.equal((await reset(server, token)).status, 204);

  assert.equal(await login(server, eve.email, newPassword), 200);
  assert.equal(await login(server, eve.email, eve.password), 401);
  assert.equal(await login(server, ada.email, ada.password), 200);
  assert.equal((await server.call('GET', '/me', { bearer: ada.accessToken })).status, 200);
  assert.equal((await server.call('GET', '/me', { bearer: eve.accessToken })).status, 401);
});

test('unknown, used, expired, superseded and foreign links are refused alike', async (t) => {
  const { server, ada, mailbox, mailedToken } = await scene(t);
  const superseded = await mailedToken(ada.email);
  const used = await mailedToken(ada.email);
  assert.equal((await reset(server, used)).status, 204);
  const expired = await mailedToken(ada.email);
  await server.services.database.query.updateTable('mailed_links').set({ expires_at: 1 }).execute();
  const json = { email: 'new@example.com', password: newPassword };
  await server.call('POST', '/auth/register', { json });
  const [signUp] = (await receive(server, mailbox)).filter(({ to }) => to.includes('new@example.com'));
  assert.equal(signUp?.token.length, 43);
  const { accessToken } = await server.login({ email: ada.email, password: newPassword });
  await server.call('POST', '/auth/email', { bearer: accessToken, json: { email: 'changed@example.com' } });
  const change = (await receive(server, mailbox)).find(({ to }) => to.includes('changed@example.com'));
  assert.equal(change?.token.length, 43);

  const answers = [];
  for (const token of [
    'x',
    'x'.repeat(43),
    superseded,
    used,
    expired,
    signUp?.token ?? '',
    change?.token ?? '',
    '../../x',
    ' '.repeat(43),
  ]) {
    const answer = await reset(server, token);
    assert.equal(answer.status, 400);
    answers.push(JSON.stringify({ ...answer.json, request_id: '' }));
  }
  assert.equal(new Set(answers).size, 1, answers.join('\n'));
  assert.equal(JSON.parse(answers[0] ?? '').code, 'link_invalid');
});

test('of ten resets at once by one link, one sets its password', async (t) => {
  const { server, ada, mailedToken } = await scene(t);
  const token = await mailedToken(ada.email);
  const passwords = Array.from({ length: 10 }, (_, index) => `${newPassword} and ${index} more`);
  const answers = await Promise.all(passwords.map((password) => reset(server, token, password)));
  const statuses = answers.map(({ status }) => status);
  assert.deepEqual(statuses.toSorted(), [204, ...Array(9).fill(400)]);
  assert.equal(await login(server, ada.email, passwords[statuses.indexOf(204)] ?? ''), 200);
});

test('a password that is not good leaves the link as it is', async (t) => {
  const { server, ada, mailedToken } = await scene(t);
  const token = await mailedToken(ada.email);
  for (const weak of ['short', 'passwordpassword1', `${ada.email}${ada.email}`]) {
    const answer = await reset(server, token, weak);
    assert.equal(answer.status, 422, weak);
    assert.equal(answer.json.errors[0].pointer, '/new_password');
  }
  assert.equal((await reset(server, token)).status, 204);
});

test('changing the password or the address voids reset links that were mailed before', async (t) => {
  const { server, ada, mailbox, mailedToken } = await scene(t);
  const beforeChange = await mailedToken(ada.email);
  const change = { current_password: ada.password, new_password: newPassword };
  const changed = await server.call('POST', '/auth/password', { bearer: ada.accessToken, json: change });
  assert.equal(changed.status, 204);
  assert.equal((await reset(server, beforeChange)).json.code, 'link_invalid');
  await receive(server, mailbox);

  const toOldAddress = await mailedToken(ada.email);
  await server.call('POST', '/auth/email', { bearer: ada.accessToken, json: { email: 'ada@example.net' } });
  const [verify] = await receive(server, mailbox);
  assert.equal((await server.call('POST', '/auth/email/verify', { json: { token: verify?.token } })).status, 204);
  assert.equal((await reset(server, toOldAddress)).json.code, 'link_invalid');
  await receive(server, mailbox);
  await forgot(server, 'ada@example.com');
  assert.deepEqual(await receive(server, mailbox), [], 'the former address can no longer recover the account');
});

test('a reset voids a change of address that somebody else had begun, mailed or not', async (t) => {
  for (const mailed of [true, false]) {
    const { server, ada, mailbox, mailedToken } = await scene(t);
    const token = await mailedToken(ada.email);
    await server.call('POST', '/auth/email', { bearer: ada.accessToken, json: { email: 'thief@example.com' } });
    const [change] = mailed ? await receive(server, mailbox) : [];
    assert.equal((await reset(server, token)).status, 204);
    const later = await receive(server, mailbox);
    assert.deepEqual(
      later.map(({ to, link }) => [to[0], link]),
      [[ada.email, null]],
    );
    if (!change) continue;
    const verified = await server.call('POST', '/auth/email/verify', { json: { token: change.token } });
    assert.equal(verified.json.code, 'link_invalid');
  }
});

test('a disabled account is mailed no link, and one mailed before is dead', async (t) => {
  const { server, ada, mailbox, mailedToken } = await scene(t);
  const token = await mailedToken(ada.email);
  await server.services.accounts.disable(ada.id);
  assert.equal((await reset(server, token)).json.code, 'link_invalid');
  assert.equal((await forgot(server, ada.email)).status, 202);
  assert.deepEqual(await receive(server, mailbox), []);
  await server.services.accounts.enable(ada.id);
  assert.equal(await login(server, ada.email, ada.password), 200, 'the password is the old one');
});

test('asking again before the mail has gone leaves one mail to send, whoever asks', async (t) => {
  const { server, ada, mailbox } = await scene(t);
  for (const email of [ada.email, 'nobody@example.com', ada.email, 'nobody@example.com']) await forgot(server, email);
  assert.equal((await server.services.database.query.selectFrom('outbox').select('id').execute()).length, 2);
  assert.deepEqual(
    (await receive(server, mailbox)).map(({ to }) => to),
    [[ada.email]],
  );
});

test('a reset leaves an event, and a mail that says to rotate the key too', async (t) => {
  const { server, ada, mailbox, mailedToken } = await scene(t);
  assert.equal((await reset(server, await mailedToken(ada.email))).status, 204);
  const [mail] = await receive(server, mailbox);
  assert.deepEqual(mail?.to, [ada.email]);
  assert.equal(mail?.link, null);
  assert.match(mail?.text ?? '', /rotate it too/);
  assert.match(mail?.text ?? '', /From: 127\.0\.0\.1\./);
  const { query } = server.services.database;
  const events = await query.selectFrom('events').select(['kind', 'account_id']).execute();
  assert.ok(events.some(({ kind, account_id }) => kind === 'password_reset' && account_id === ada.id));
  const { accessToken } = await server.login({ email: ada.email, password: newPassword });
  assert.equal((await server.call('GET', '/me', { bearer: accessToken })).status, 200);
});
