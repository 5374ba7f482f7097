import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { createSmtpTransport } from '../src/mail/smtp-transport.ts';
import { bootServer, goodPassword, type TestServer, temporaryDirectory } from './boot.ts';
import { dumpOf } from './database-probes.ts';
import { deliver, openMailbox, receive, registerInvited } from './mailbox.ts';
import { spawnServer } from './spawn-server.ts';

const outbox = (server: TestServer) => server.services.database.query.selectFrom('outbox').selectAll().execute();

/** Asks for a sign-up of each address: one mail each. */
async function askFor(server: TestServer, addresses: string[]): Promise<void> {
  for (const email of addresses) {
    assert.equal(
      (await server.call('POST', '/auth/register', { json: { email, password: goodPassword } })).status,
      202,
    );
  }
}

const people = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `person${String(index).padStart(2, '0')}@example.com`);

test('deliveries that run at the same moment on one database send each mail once', async (t) => {
  const mailbox = await openMailbox(t);
  const server = await bootServer(t, mailbox.settings);
  await askFor(server, people(20));
  const sent = await Promise.all(Array.from({ length: 4 }, () => server.services.outbox.deliverDue()));
  const total = sent.reduce((sum, each) => sum + each, 0);
  assert.equal(total, 20);
  assert.deepEqual(mailbox.mails.map(({ to }) => to[0]).toSorted(), people(20));
  assert.deepEqual(await outbox(server), []);
});

test('two processes on one database send what waits for a mail server once it is up, each mail once', async (t) => {
  const mailbox = await openMailbox(t, { down: true });
  const dataDirectory = temporaryDirectory(t);
  const environment = { ...mailbox.settings, INKSONG_RATE_LIMIT_AUTH: 'off' };
  const nodes = [
    await spawnServer(t, dataDirectory, environment),
    await spawnServer(t, dataDirectory, environment),
  ] as const;
  for (const [index, email] of people(12).entries()) {
    const answer = await fetch(`${nodes[index % 2]?.url}/api/v1/auth/register`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ email, password: goodPassword }),
    });
    assert.equal(answer.status, 202);
  }
  await mailbox.start();
  // What failed meanwhile is due now; what is being sent is left alone: its lease is longer.
  const onlooker = await bootServer(t, { ...mailbox.settings, INKSONG_DATA_DIR: dataDirectory });
  const { query, now } = onlooker.services.database;
  await query
    .updateTable('outbox')
    .set({ due_at: 0 })
    .where((eb) => eb('due_at', '<', eb(now, '+', 200_000)))
    .execute();
  await mailbox.until(12);
  // A node that stops finishes the mail it is at.
  assert.deepEqual([await nodes[0].stop(), await nodes[1].stop()], [0, 0]);
  assert.deepEqual(mailbox.mails.map(({ to }) => to[0]).toSorted(), people(12));
  assert.deepEqual(await outbox(onlooker), []);
});

test('a mail that fails is tried again after 5 s, then twice as long each time, up to an hour; others go on', async (t) => {
  const mailbox = await openMailbox(t);
  const server = await bootServer(t, mailbox.settings);
  await askFor(server, ['ada@example.com']);
  const { query, now } = server.services.database;
  const databaseNow = async () => (await query.selectNoFrom(now.as('now')).executeTakeFirstOrThrow()).now;
  mailbox.refuseWith = 'not now';
  for (const seconds of [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]) {
    const before = await databaseNow();
    assert.equal(await deliver(server), 0);
    const after = await databaseNow();
    const due = (await outbox(server))[0]?.due_at ?? 0;
    assert.ok(due >= before + seconds * 1000 && due <= after + seconds * 1000, `${due - before} ms, not ${seconds} s`);
  }
  assert.equal(await server.services.outbox.deliverDue(), 0, 'it is not due');
  mailbox.refuseWith = null;
  await askFor(server, ['eve@example.com']);
  assert.equal(await server.services.outbox.deliverDue(), 1);
  assert.deepEqual(
    mailbox.mails.map(({ to }) => to[0]),
    ['eve@example.com'],
  );
  assert.equal(await deliver(server), 1);
});

test('a mail is given up after three days of trying, with a log line; links are forgotten a day after they expired', async (t) => {
  const mailbox = await openMailbox(t);
  const server = await bootServer(t, mailbox.settings);
  await askFor(server, ['old@example.com', 'young@example.com', 'untried@example.com']);
  const { query } = server.services.database;
  const age = (recipient: string, days: number, attempts: number) =>
    query
      .updateTable('outbox')
      .set((eb) => ({ created_at: eb('created_at', '-', Math.round(days * 86_400_000)), attempts }))
      .where('recipient', '=', recipient)
      .execute();
  await age('old@example.com', 3.01, 80);
  await age('young@example.com', 2.99, 80);
  await age('untried@example.com', 9, 0);
  const [old] = await query.selectFrom('outbox').select('id').where('recipient', '=', 'old@example.com').execute();
  await server.services.outbox.purge();
  assert.deepEqual((await outbox(server)).map(({ recipient }) => recipient).toSorted(), [
    'untried@example.com',
    'young@example.com',
  ]);
  const line = server.logLines.find((each) => each.includes('given up'));
  assert.equal(JSON.parse(line ?? '{}').mail_id, old?.id);

  assert.equal((await receive(server, mailbox)).length, 2);
  const expireHoursAgo = (email: string, hours: number) =>
    query
      .updateTable('mailed_links')
      .set({ expires_at: Date.now() - hours * 3_600_000 })
      .where('email', '=', email)
      .execute();
  await expireHoursAgo('young@example.com', 23);
  await expireHoursAgo('untried@example.com', 25);
  await server.services.outbox.purge();
  const kept = await query.selectFrom('mailed_links').select('email').execute();
  assert.deepEqual(
    kept.map(({ email }) => email),
    ['young@example.com'],
  );
});

test('a rotated key and a replayed refresh cookie are told to the owner, with reason and address, as text and as HTML', async (t) => {
  const mailbox = await openMailbox(t);
  const server = await bootServer(t, mailbox.settings);
  const ada = await registerInvited(server, 'ada@example.com');
  const reason = `<img src=x onerror="alert('1')"> & "pasted"`;
  await server.call('POST', `/api-keys/${ada.apiKeyId}/rotate`, { bearer: ada.accessToken, json: { reason } });
  const [rotated, ...more] = await receive(server, mailbox);
  assert.deepEqual(more, []);
  assert.deepEqual(rotated?.to, [ada.email]);
  assert.ok(rotated?.text.includes(`Reason given: ${reason}.`));
  assert.match(rotated?.text ?? '', /When: \d{4}-\d\d-\d\d \d\d:\d\d UTC\. From: 127\.0\.0\.1\./);
  assert.ok(!rotated?.html.includes('<img'), rotated?.html);
  assert.match(
    rotated?.html ?? '',
    /&#60;img src=x onerror=&#34;alert\(&#39;1&#39;\)&#34;&#62; &#38; &#34;pasted&#34;/,
  );

  const successor = await server.call('POST', '/auth/refresh', { refreshToken: ada.refreshToken });
  await server.call('POST', '/auth/refresh', { refreshToken: successor.refreshToken ?? '' });
  await server.services.database.query.updateTable('refresh_tokens').set({ used_at: 1 }).execute();
  for (let replay = 0; replay < 3; replay++) {
    const answer = await server.call('POST', '/auth/refresh', { refreshToken: ada.refreshToken });
    assert.equal(answer.status, 401);
  }
  const told = await receive(server, mailbox);
  assert.deepEqual(
    told.map(({ subject }) => subject),
    ['An Inksong session was ended for safety'],
    'once, however often it is replayed',
  );
});

test('other addresses for a key are told to the owner, as text and as HTML; the same ones again, and another name, are not', async (t) => {
  const mailbox = await openMailbox(t);
  const server = await bootServer(t, mailbox.settings);
  const ada = await registerInvited(server, 'ada@example.com');
  const change = (json: unknown) =>
    server.call('PATCH', `/api-keys/${ada.apiKeyId}`, { bearer: ada.accessToken, json });
  const list = ['203.0.113.0/24', '2001:DB8::7'];
  await change({ allowed_ips: list });
  await change({ allowed_ips: list.map((entry) => entry.toLowerCase()) });
  await change({ name: 'Nightly import' });
  const [limited, ...more] = await receive(server, mailbox);
  assert.deepEqual(more, []);
  assert.deepEqual(limited?.to, [ada.email]);
  for (const part of [limited?.text, limited?.html]) {
    assert.match(part ?? '', /may now be used from: 203\.0\.113\.0\/24, 2001:db8::7\./);
    assert.match(part ?? '', /When: \d{4}-\d\d-\d\d \d\d:\d\d UTC\. From: 127\.0\.0\.1\./);
  }
  await change({ allowed_ips: null });
  const [opened] = await receive(server, mailbox);
  assert.match(opened?.text ?? '', /may now be used from: any address\./);
});

test('a refusal leaves no mail behind: neither a rotation of nothing nor a password that was wrong', async (t) => {
  const mailbox = await openMailbox(t);
  const server = await bootServer(t, mailbox.settings);
  const ada = await registerInvited(server, 'ada@example.com');
  await server.call('POST', `/api-keys/key_${'0'.repeat(32)}/rotate`, { bearer: ada.accessToken });
  const json = { allowed_ips: ['not an address'] };
  await server.call('PATCH', `/api-keys/${ada.apiKeyId}`, { bearer: ada.accessToken, json });
  const change = { current_password: 'another password altogether', new_password: 'seven quiet herons crossing water' };
  await server.call('POST', '/auth/password', { bearer: ada.accessToken, json: change });
  assert.deepEqual(await outbox(server), []);
});

test('no Host or forwarded header reaches a link or a mail', async (t) => {
  const mailbox = await openMailbox(t);
  const publicUrl = 'https://api.example.com';
  const server = await bootServer(t, { ...mailbox.settings, INKSONG_PUBLIC_URL: publicUrl });
  await registerInvited(server, 'ada@example.com');
  const evil = 'evil.example';
  const headers = {
    Host: evil,
    'X-Forwarded-Host': evil,
    'X-Forwarded-Proto': 'http',
    'X-Original-Host': evil,
    'X-Host': evil,
    Forwarded: `host=${evil};proto=http`,
    Referer: `http://${evil}/`,
    'Content-Type': 'application/json',
  };
  const bodies = {
    '/auth/password/forgot': { email: 'ada@example.com' },
    '/auth/register': { email: 'new@example.com', password: goodPassword },
    '/auth/email/verify/resend': { email: 'new@example.com' },
  };
  for (const [path, body] of Object.entries(bodies)) {
    // `fetch` would not send another Host.
    const sent = request(`${server.url}/api/v1${path}`, { method: 'POST', headers });
    sent.end(JSON.stringify(body));
    const [response] = await once(sent, 'response');
    assert.equal(response.statusCode, 202);
    response.resume();
    const [mail, ...others] = await receive(server, mailbox);
    assert.deepEqual(others, []);
    const { raw = '', text = '', html = '', link = null } = mail ?? {};
    assert.ok(link?.startsWith(`${publicUrl}/`), String(link));
    assert.ok(!`${raw}${text}${html}`.includes(evil));
  }
});

test('no address can add a header or a recipient', async (t) => {
  const mailbox = await openMailbox(t);
  const server = await bootServer(t, mailbox.settings);
  const { query } = server.services.database;
  for (const email of [
    'a@example.com\r\nBcc: eve@example.com',
    'a@example.com\nBcc: eve@example.com',
    'a@example.com\r\n\r\nbody',
    'a@example.com,eve@example.com',
    'a@example.com;eve@example.com',
    'a@example.com eve@example.com',
    'A <a@example.com>',
    'eve@example.com>\r\nRCPT TO:<a@example.com',
    'a\u2028b@example.com',
    'a@example.com\u0000',
  ]) {
    for (const [path, json] of [
      ['/auth/password/forgot', { email }],
      ['/auth/register', { email, password: goodPassword }],
      ['/auth/email/verify/resend', { email }],
    ] as const) {
      assert.equal((await server.call('POST', path, { json })).status, 422, `${path} ${JSON.stringify(email)}`);
    }
  }
  assert.deepEqual(await outbox(server), []);

  // Nor one that got into the database some other way.
  await registerInvited(server, 'ada@example.com');
  await server.call('POST', '/auth/password/forgot', { json: { email: 'ada@example.com' } });
  const planted = 'ada@example.com\r\nBcc: eve@example.com';
  await query.updateTable('accounts').set({ email: planted }).execute();
  await query.updateTable('outbox').set({ recipient: planted }).execute();
  await deliver(server);
  for (const { to, headers } of mailbox.mails) {
    assert.equal(to.length, 1);
    assert.ok(!to.includes('eve@example.com'), String(to));
    assert.ok(!/^bcc:/im.test(headers), headers);
  }
});

test('no password or token of a mailed link is in a subject, a log line, the outbox or the database; a mail server’s words neither', async (t) => {
  const mailbox = await openMailbox(t);
  const server = await bootServer(t, mailbox.settings);
  const ada = await registerInvited(server, 'ada@example.com');
  const canary = 'canary password nobody else has';
  await server.call('POST', '/auth/register', { json: { email: 'new@example.com', password: canary } });
  await server.call('POST', '/auth/password/forgot', { json: { email: ada.email } });
  await server.call('POST', '/auth/email', { bearer: ada.accessToken, json: { email: 'changed@example.com' } });
  mailbox.refuseWith = 'spam, for its link LINK';
  await deliver(server);
  mailbox.refuseWith = null;
  const refusal = server.logLines.find((line) => line.includes('spam'));
  assert.match(refusal ?? '', /#token=\[redacted\]/);
  assert.ok(!/#token=[\w-]{20}/.test(server.logLines.join('')));

  const mails = await receive(server, mailbox);
  assert.equal(mails.length, 3);
  const secrets = [canary, ...mails.map(({ token }) => token)];
  const newPassword = 'canary password of the reset';
  secrets.push(newPassword);
  const resetToken = mails.find(({ link }) => link?.includes('/reset-password'))?.token;
  const verifyToken = mails.find(({ to }) => to[0] === 'new@example.com')?.token;
  const reset = { token: resetToken, new_password: newPassword };
  const found = (text: string): string[] => secrets.filter((secret) => text.includes(secret));
  const dump = () => dumpOf(server);
  assert.deepEqual(found(await dump()), []);
  assert.equal((await server.call('POST', '/auth/password/reset', { json: reset })).status, 204);
  assert.equal((await server.call('POST', '/auth/email/verify', { json: { token: verifyToken } })).status, 201);
  await receive(server, mailbox);

  assert.ok((await dump()).includes('ada@example.com'), 'the dump was read');
  assert.deepEqual(found(await dump()), []);
  assert.deepEqual(found(server.logLines.join('')), []);
  for (const { subject, headers } of mailbox.mails) assert.deepEqual(found(subject + headers), []);
});

test('a mail server’s password is sent over TLS only, but to this machine', async (t) => {
  const logins: string[] = [];
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    disableReverseLookup: true,
    onAuth({ username }, _session, done) {
      logins.push(String(username));
      done(null, { user: username });
    },
    onData(stream, _session, done) {
      stream.resume().on('end', () => done());
    },
  });
  server.on('error', () => {});
  const listener = server.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const { port } = listener.address() as AddressInfo;
  const smtp = { host: '127.0.0.1', port, secure: false, login: { user: 'ada', password: 'her password' } };
  const from = { name: 'Inksong', address: 'inksong@example.com' };
  const mail = { recipient: 'eve@example.com', subject: 'x', text: 'x', html: 'x' };
  await assert.rejects(createSmtpTransport(smtp, from, { isLocal: false }).send(mail));
  assert.deepEqual(logins, []);
  await createSmtpTransport(smtp, from, { isLocal: true }).send(mail);
  assert.deepEqual(logins, ['ada']);
});
