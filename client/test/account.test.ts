import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootServer, goodPassword } from '../../server/test/boot.ts';
import { openMailbox, receive } from '../../server/test/mailbox.ts';
import { InksongError } from '../src/errors.ts';
import { Inksong } from '../src/inksong.ts';
import { InksongSession } from '../src/inksong-session.ts';
import { createCookieFetch } from './cookie-fetch.ts';
import { signedIn } from './session.ts';

const newPassword = 'seven quiet herons crossing water';

test('with mail, a sign-up is completed by the link, a password reset by another, an address changed by a third', async (t) => {
  const mailbox = await openMailbox(t);
  const server = await bootServer(t, mailbox.settings);
  const session = new InksongSession({ baseUrl: server.url, fetch: createCookieFetch().fetch });
  const receiveToken = async (): Promise<string> => (await receive(server, mailbox)).at(-1)?.token ?? '';
  assert.deepEqual(await session.config(), { signup: 'open', mail: true, password_min_length: 15 });

  const email = 'person@example.com';
  assert.deepEqual(await session.register({ email, password: goodPassword }), { status: 'mailed', email });
  assert.equal(session.isSignedIn, false);
  await receiveToken();
  await session.resendVerification({ email });
  const password = 'nine patient otters mending nets';
  const verified = await session.verifyEmail({ token: await receiveToken(), password });
  assert.ok(verified.status === 'registered');
  assert.equal(verified.account.email, email);
  assert.match(verified.apiKey, /^ink_/);
  assert.equal(session.isSignedIn, true);
  assert.equal((await session.me()).id, verified.account.id);

  await session.reauthenticate({ password });

  await session.changeEmail({ email: 'new@example.com' });
  assert.deepEqual(await session.verifyEmail({ token: await receiveToken() }), { status: 'changed' });
  assert.equal((await session.me()).email, 'new@example.com');
  await receive(server, mailbox);

  await session.forgotPassword({ email: 'new@example.com' });
  await session.resetPassword({ token: await receiveToken(), newPassword });
  await assert.rejects(session.me(), { status: 401 });
  assert.equal(session.isSignedIn, false);
  await assert.rejects(session.login({ email: 'new@example.com', password }), {
    code: 'invalid_credentials',
  });
  await session.login({ email: 'new@example.com', password: newPassword });
  assert.equal(session.isSignedIn, true);
  await assert.rejects(session.verifyEmail({ token: 'x'.repeat(43) }), { code: 'link_invalid' });
});

test('a person sees and ends sessions, changes the password, reads the log, takes the data along', async (t) => {
  const { server, session, email } = await signedIn(t);
  const elsewhere = new InksongSession({ baseUrl: server.url, fetch: createCookieFetch().fetch });
  const login = () => elsewhere.login({ email, password: goodPassword });
  await login();
  const other = (await session.sessions.list()).find(({ current }) => !current);
  assert.ok(other);
  await session.sessions.end(other.id);
  await assert.rejects(elsewhere.me(), { status: 401 });
  await login();
  await session.changePassword({ currentPassword: goodPassword, newPassword });
  await assert.rejects(elsewhere.me(), { status: 401 });
  assert.equal((await session.sessions.list()).length, 1);

  await server.services.database.query.updateTable('sessions').set({ authenticated_at: 0 }).execute();
  const [key] = await session.apiKeys.list();
  assert.ok(key);
  await assert.rejects(session.apiKeys.rotate(key.id), { code: 'reauthentication_required' });
  await session.reauthenticate({ password: newPassword });
  assert.match((await session.apiKeys.rotate(key.id, { reason: 'leaked' })).api_key, /^ink_/);

  const archive = await session.exportData();
  assert.equal(archive.headers.get('Content-Type'), 'application/zip');
  assert.equal(
    Buffer.from(await archive.arrayBuffer())
      .subarray(0, 2)
      .toString(),
    'PK',
  );
  const kinds: string[] = [];
  for await (const { kind } of session.events.list({ limit: 2 })) kinds.push(kind);
  assert.deepEqual(kinds.slice(0, 3), ['data_exported', 'api_key_rotated', 'reauthenticated']);
  assert.equal(kinds.at(-1), 'account_registered');
});

test('a person previews, sets and lifts the addresses that a key may be used from', async (t) => {
  const { server, session, apiKey } = await signedIn(t);
  const inksong = new Inksong({ apiKey, baseUrl: server.url });
  await inksong.me();
  const [key] = await session.apiKeys.list();
  assert.ok(key);
  const allowed_ips = ['203.0.113.0/24'];
  const preview = await session.apiKeys.previewAllowedIps(key.id, { allowed_ips });
  assert.deepEqual([preview.allowed_ips, preview.your_address], [allowed_ips, '127.0.0.1']);
  assert.ok(Array.isArray(preview.shut_out));

  const named = await session.apiKeys.update(key.id, { name: 'Nightly import' });
  assert.deepEqual([named.name, named.allowed_ips], ['Nightly import', null]);
  const limited = await session.apiKeys.update(key.id, { allowed_ips });
  assert.deepEqual([limited.name, limited.allowed_ips], ['Nightly import', allowed_ips]);
  await assert.rejects(inksong.me(), { status: 403 });
  await assert.rejects(session.apiKeys.update(key.id, { allowed_ips: ['here'] }), (error) => {
    assert.ok(error instanceof InksongError);
    assert.equal(error.errors[0]?.pointer, '/allowed_ips/0');
    return true;
  });
  assert.equal((await session.apiKeys.update(key.id, { allowed_ips: null })).allowed_ips, null);
  await inksong.me();
});
