import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { bootServer, type TestAccount, type TestServer } from './boot.ts';
import { deliver, openMailbox, parseMail, receive, registerInvited } from './mailbox.ts';

const ask = (server: TestServer, { accessToken }: TestAccount, email: string) =>
  server.call('POST', '/auth/email', { bearer: accessToken, json: { email } });
const verify = (server: TestServer, token = '') => server.call('POST', '/auth/email/verify', { json: { token } });
const addressOf = async (server: TestServer, { apiKey }: TestAccount): Promise<string> =>
  (await server.call('GET', '/me', { key: apiKey })).json.email;

async function scene(t: TestContext) {
  const mailbox = await openMailbox(t);
  const server = await bootServer(t, mailbox.settings);
  const ada = await registerInvited(server, 'ada@example.com');
  return { mailbox, server, ada };
}

test('the address changes when its link is opened, once: the new one signs in, the old one no longer', async (t) => {
  const { mailbox, server, ada } = await scene(t);
  const asked = await ask(server, ada, 'Ada@Example.net');
  assert.equal(asked.status, 202);
  assert.deepEqual(asked.json, { email: 'ada@example.net' });
  const mails = await receive(server, mailbox);
  assert.deepEqual(
    mails.map(({ to }) => to),
    [['ada@example.net']],
    'the old address is told only after the change',
  );
  const answers = await Promise.all(Array.from({ length: 5 }, () => verify(server, mails[0]?.token)));
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [204, 400, 400, 400, 400]);
  assert.equal(await addressOf(server, ada), 'ada@example.net');
  const login = (email: string) => server.call('POST', '/auth/login', { json: { email, password: ada.password } });
  assert.equal((await login('ada@example.net')).status, 200);
  assert.equal((await login('ada@example.com')).status, 401);

  const told = await receive(server, mailbox);
  assert.deepEqual(
    told.map(({ to, link }) => [to[0], link]),
    [
      ['ada@example.com', null],
      ['ada@example.net', null],
    ],
  );
  assert.match(told[0]?.text ?? '', /but ada@example\.net\./);
  const events = await server.services.database.query.selectFrom('events').select(['kind', 'details']).execute();
  assert.ok(events.some(({ kind }) => kind === 'email_change_requested'));
  const changed = events.find(({ kind }) => kind === 'email_changed');
  assert.deepEqual(JSON.parse(changed?.details ?? ''), {
    former_email: 'ada@example.com',
    new_email: 'ada@example.net',
  });
});

test('an address that has an account is asked for like any other, and its owner is told without a link', async (t) => {
  const { mailbox, server, ada } = await scene(t);
  const eve = await registerInvited(server, 'eve@example.com');
  const [taken, free] = [await ask(server, ada, eve.email), await ask(server, ada, 'free@example.com')];
  const seen = [taken, free].map(({ status, json }) => [status, Object.keys(json)]);
  assert.deepEqual(seen[0], seen[1]);

  await ask(server, ada, eve.email);
  const [mail, ...others] = await receive(server, mailbox);
  assert.deepEqual(mail?.to, [eve.email]);
  assert.equal(mail?.link, null);
  assert.deepEqual(others, []);
  assert.equal(await addressOf(server, ada), ada.email);
  assert.equal(await addressOf(server, eve), eve.email);
});

test('a link for an address that got an account meanwhile changes nothing and says so', async (t) => {
  const { mailbox, server, ada } = await scene(t);
  await ask(server, ada, 'new@example.com');
  const [mail] = await receive(server, mailbox);
  const first = await registerInvited(server, 'new@example.com');
  const answer = await verify(server, mail?.token);
  assert.equal(answer.status, 409);
  assert.equal(answer.json.code, 'email_taken');
  assert.equal(await addressOf(server, ada), ada.email);
  assert.equal(await addressOf(server, first), 'new@example.com');
  assert.deepEqual(await receive(server, mailbox), [], 'nobody is told of a change that was none');
});

test('only the newest change counts, also one to another address, and only for 30 minutes', async (t) => {
  const { mailbox, server, ada } = await scene(t);
  const tokens: string[] = [];
  for (const email of ['one@example.com', 'two@example.com', 'two@example.com']) {
    await ask(server, ada, email);
    const [mail] = await receive(server, mailbox);
    tokens.push(mail?.token ?? '');
  }
  assert.equal((await verify(server, tokens[0])).json.code, 'link_invalid');
  assert.equal((await verify(server, tokens[1])).json.code, 'link_invalid');
  const { query, now } = server.services.database;
  const link = await query
    .selectFrom('mailed_links')
    .select(['expires_at', now.as('now')])
    .executeTakeFirstOrThrow();
  assert.ok(link.expires_at > link.now && link.expires_at <= link.now + 30 * 60_000);
  await query.updateTable('mailed_links').set({ expires_at: link.now }).execute();
  assert.equal((await verify(server, tokens[2])).json.code, 'link_invalid');
  assert.equal(await addressOf(server, ada), ada.email);
});

test('a changed password voids a change of address that somebody else had begun, mailed or not', async (t) => {
  for (const mailed of [true, false]) {
    const { mailbox, server, ada } = await scene(t);
    await ask(server, ada, 'thief@example.com');
    const [mail] = mailed ? await receive(server, mailbox) : [];
    const change = { current_password: ada.password, new_password: 'seven quiet herons crossing water' };
    const changed = await server.call('POST', '/auth/password', { bearer: ada.accessToken, json: change });
    assert.equal(changed.status, 204);
    const later = await receive(server, mailbox);
    assert.deepEqual(
      later.map(({ to, link }) => [to[0], link]),
      [[ada.email, null]],
    );
    if (mail) assert.equal((await verify(server, mail.token)).json.code, 'link_invalid');
  }
});

test('a link to choose a new password proves no address, and is still good afterwards', async (t) => {
  const { mailbox, server, ada } = await scene(t);
  await server.call('POST', '/auth/password/forgot', { json: { email: ada.email } });
  const [mail] = await receive(server, mailbox);
  assert.equal((await verify(server, mail?.token)).json.code, 'link_invalid');
  const json = { token: mail?.token, new_password: 'seven quiet herons crossing water' };
  assert.equal((await server.call('POST', '/auth/password/reset', { json })).status, 204);
});

test('a link of a change takes no password, is still good after one was sent, and says by its address that it needs none', async (t) => {
  const { mailbox, server, ada } = await scene(t);
  await ask(server, ada, 'new@example.com');
  const [mail] = await receive(server, mailbox);
  assert.equal(mail?.link, `${server.config.publicUrl}/verify-email?for=change#token=${mail?.token}`);
  const json = { token: mail?.token, password: 'seven quiet herons crossing water' };
  const refused = await server.call('POST', '/auth/email/verify', { json });
  assert.equal(refused.status, 422);
  assert.equal(refused.json.errors[0].pointer, '/password');
  assert.equal(await addressOf(server, ada), ada.email);
  assert.equal((await verify(server, mail?.token)).status, 204);
  await server.login({ email: 'new@example.com', password: ada.password });
});

test('a change wants another address, a valid one, and is not made for a disabled account', async (t) => {
  const { mailbox, server, ada } = await scene(t);
  assert.equal((await ask(server, ada, 'ADA@example.com')).status, 422);
  assert.equal((await ask(server, ada, 'new@example.com\r\nBcc: eve@example.com')).status, 422);
  await ask(server, ada, 'new@example.com');
  const [mail] = await receive(server, mailbox);
  await server.services.accounts.disable(ada.id);
  assert.equal((await verify(server, mail?.token)).json.code, 'link_invalid');
});

test('without a mail server the link is in a file, and works', async (t) => {
  const server = await bootServer(t);
  const ada = await server.register('ada@example.com');
  await ask(server, ada, 'ada@example.net');
  await deliver(server);
  const folder = join(server.config.dataDirectory, 'outbox');
  const [name = ''] = readdirSync(folder);
  const { token } = parseMail(readFileSync(join(folder, name), 'utf8'), []);
  assert.equal((await verify(server, token)).status, 204);
  assert.equal(await addressOf(server, ada), 'ada@example.net');
});
