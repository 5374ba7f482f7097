import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bootServer, goodPassword, type TestServer } from './boot.ts';
import { dumpOf } from './database-probes.ts';
import { deliver, openMailbox } from './mailbox.ts';

const otherPassword = 'seven quiet herons crossing water';

const forgot = (server: TestServer, email: string) => server.call('POST', '/auth/password/forgot', { json: { email } });
const reset = (server: TestServer, token: string, new_password = otherPassword) =>
  server.call('POST', '/auth/password/reset', { json: { token, new_password } });

test('a mailed reset link sets the password once, ends every session and leaves the key', async (t) => {
  const mailbox = await openMailbox(t);
  const server = await bootServer(t);
  const account = await server.register();
  const server2 = await bootServer(t, { ...mailbox.settings, INKSONG_DATA_DIR: server.config.dataDirectory });
  assert.equal((await forgot(server2, account.email)).status, 202);
  await deliver(server2);
  await mailbox.until(1);
  const [mail] = mailbox.mails;
  assert.deepEqual(mail?.to, [account.email]);
  assert.match(mail?.link ?? '', new RegExp(`^${server.config.publicUrl}/reset-password#token=[\\w-]{43}$`));
  assert.ok(!mail?.subject.includes(mail.token));

  assert.equal((await reset(server2, mail?.token ?? '')).status, 204);
  assert.equal((await server2.call('GET', '/me', { bearer: account.accessToken })).status, 401);
  assert.equal((await server2.call('POST', '/auth/refresh', { refreshToken: account.refreshToken })).status, 401);
  assert.equal((await server2.call('GET', '/me', { key: account.apiKey })).status, 200);
  const login = (password: string) => server2.call('POST', '/auth/login', { json: { email: account.email, password } });
  assert.equal((await login(account.password)).status, 401);
  assert.equal((await login(otherPassword)).status, 200);

  const again = await reset(server2, mail?.token ?? '', goodPassword);
  assert.equal(again.json.code, 'link_invalid');
  await deliver(server2);
  await mailbox.until(2);
  assert.equal(mailbox.mails[1]?.link, null, 'the owner is told, without a link');
});

test('a reset link is good for 30 minutes, and only the newest', async (t) => {
  const mailbox = await openMailbox(t);
  const server = await bootServer(t, mailbox.settings);
  const first = await signUp(server, mailbox, 'ada@example.com');
  const before = mailbox.mails.length;
  for (let count = 1; count <= 2; count++) {
    await forgot(server, first.email);
    await deliver(server);
    await mailbox.until(before + count);
  }
  const [older, newer] = mailbox.mails.slice(before);
  assert.equal((await reset(server, older?.token ?? '')).json.code, 'link_invalid');
  await server.services.database.query.updateTable('mailed_links').set({ expires_at: 1 }).execute();
  assert.equal((await reset(server, newer?.token ?? '')).json.code, 'link_invalid');
  assert.equal((await reset(server, 'x'.repeat(43))).json.code, 'link_invalid');
});

test('forgot and register answer alike for known and unknown addresses, and leave one row either way', async (t) => {
  const mailbox = await openMailbox(t);
  const server = await bootServer(t, mailbox.settings);
  await signUp(server, mailbox, 'known@example.com');
  const rows = async () => (await server.services.database.query.selectFrom('outbox').select('kind').execute()).length;
  for (const path of ['/auth/password/forgot', '/auth/register']) {
    const seen = [];
    for (const email of ['known@example.com', 'other@example.com']) {
      // What was counted against an address before says nothing of whether it has an account.
      await server.services.database.query.deleteFrom('limit_counters').execute();
      const before = await rows();
      const answer = await server.call('POST', path, {
        json: path.endsWith('register') ? { email, password: otherPassword } : { email },
      });
      assert.equal(await rows(), before + 1);
      const headers = [...answer.headers].filter(([name]) => !/^(date|x-request-id|content-length)$/.test(name));
      seen.push(JSON.stringify([answer.status, headers, answer.json]).replaceAll(email, 'E-MAIL'));
      assert.equal(answer.status, 202);
      assert.equal(answer.refreshToken, null);
    }
    assert.equal(seen[0], seen[1]);
  }
  const before = mailbox.mails.length;
  await deliver(server);
  await mailbox.until(before + 3);
  const told = mailbox.mails.slice(before).map(({ to, link }) => [to[0], link !== null]);
  assert.deepEqual(told.sort(), [
    ['known@example.com', false],
    ['known@example.com', true],
    ['other@example.com', true],
  ]);
});

test('with mail, account and key are made when the link is used, all or nothing, once', async (t) => {
  const mailbox = await openMailbox(t);
  const server = await bootServer(t, mailbox.settings);
  const { query } = server.services.database;
  await server.call('POST', '/auth/register', { json: { email: 'new@example.com', password: goodPassword } });
  assert.deepEqual(await query.selectFrom('accounts').select('id').execute(), []);
  await deliver(server);
  await mailbox.until(1);
  const token = mailbox.mails[0]?.token ?? '';
  const answer = await server.call('POST', '/auth/email/verify', { json: { token } });
  assert.equal(answer.status, 201);
  assert.equal((await server.call('GET', '/me', { key: answer.json.api_key })).json.email, 'new@example.com');
  assert.equal((await server.call('GET', '/me', { bearer: answer.json.access_token })).status, 200);
  assert.ok(answer.refreshToken);
  assert.equal((await server.call('POST', '/auth/email/verify', { json: { token } })).json.code, 'link_invalid');
  assert.equal((await query.selectFrom('api_keys').select('id').execute()).length, 1);
});

test('an address changes when the new one is proved, and both are told', async (t) => {
  const mailbox = await openMailbox(t);
  const server = await bootServer(t, mailbox.settings);
  const account = await signUp(server, mailbox, 'old@example.com');
  const asked = await server.call('POST', '/auth/email', {
    bearer: account.accessToken,
    json: { email: 'new@example.com' },
  });
  assert.equal(asked.status, 202);
  const before = mailbox.mails.length;
  await deliver(server);
  await mailbox.until(before + 1);
  assert.deepEqual(mailbox.mails[before]?.to, ['new@example.com']);
  assert.equal((await server.call('GET', '/me', { bearer: account.accessToken })).json.email, 'old@example.com');
  const token = mailbox.mails[before]?.token ?? '';
  assert.equal((await server.call('POST', '/auth/email/verify', { json: { token } })).status, 204);
  assert.equal((await server.call('GET', '/me', { bearer: account.accessToken })).json.email, 'new@example.com');
  await deliver(server);
  await mailbox.until(before + 3);
  const told = mailbox.mails.slice(before + 1).flatMap(({ to }) => to);
  assert.deepEqual(told.sort(), ['new@example.com', 'old@example.com']);
});

test('mail waits for a mail server that is down, and is sent once it is up, each once', async (t) => {
  const mailbox = await openMailbox(t, { down: true });
  const server = await bootServer(t, mailbox.settings);
  for (let count = 0; count < 10; count++) {
    const json = { email: `person${count}@example.com`, password: goodPassword };
    assert.equal((await server.call('POST', '/auth/register', { json })).status, 202);
  }
  assert.equal(await deliver(server), 0);
  assert.equal((await server.services.database.query.selectFrom('outbox').select('id').execute()).length, 10);
  await mailbox.start();
  assert.equal(await deliver(server), 10);
  assert.equal(await deliver(server), 0);
  assert.equal(mailbox.mails.length, 10);
  assert.equal(new Set(mailbox.mails.map(({ to }) => to[0])).size, 10);
});

test('without a mail server each mail is a file that only its owner may read; no token is in log, database or subject', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  await forgot(server, account.email);
  await deliver(server);
  const folder = join(server.config.dataDirectory, 'outbox');
  const [name = ''] = readdirSync(folder).filter((file) => file.endsWith('.eml'));
  assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
  const text = readFileSync(join(folder, name), 'utf8').replace(/=\r\n/g, '').replaceAll('=3D', '=');
  const token = /#token=([\w-]{43})/.exec(text)?.[1] ?? '';
  assert.match(token, /^[\w-]{43}$/);
  assert.ok(
    server.logLines.some((line) => line.includes(name)),
    'the log says where it is',
  );
  assert.ok(!server.logLines.join('').includes(token));
  assert.ok(!(await dumpOf(server)).includes(token));
  assert.equal((await reset(server, token)).status, 204);
});

/** Makes an account by a confirmed sign-up. */
async function signUp(server: TestServer, mailbox: Awaited<ReturnType<typeof openMailbox>>, email: string) {
  const before = mailbox.mails.length;
  await server.call('POST', '/auth/register', { json: { email, password: goodPassword } });
  await deliver(server);
  await mailbox.until(before + 1);
  const token = mailbox.mails[before]?.token ?? '';
  const { json } = await server.call('POST', '/auth/email/verify', { json: { token } });
  return { email, accessToken: json.access_token as string };
}
