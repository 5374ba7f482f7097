import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { bootServer, goodPassword, type TestServer } from './boot.ts';
import { type Finished, runInksong, temporaryFolder } from './run-inksong.ts';
import { testEngine } from './test-database.ts';

/** Runs the program on the data folder of a server that goes on running in this process. */
function beside({ environment }: TestServer, t: TestContext): (...words: string[]) => Promise<Finished> {
  return (...words) => runInksong(t, words, { environment });
}

async function succeed(finished: Promise<Finished>): Promise<string> {
  const { code, stdout, stderr } = await finished;
  assert.equal(code, 0, stderr);
  return stdout;
}

test('keys rotate: the next request with the old key is refused, the printed key works', async (t) => {
  const server = await bootServer(t);
  const inksong = beside(server, t);
  const ada = await server.register('ada@example.com');
  assert.equal((await server.call('GET', '/me', { key: ada.apiKey })).status, 200);

  const { code, stdout, stderr } = await inksong(
    'keys',
    'rotate',
    'ADA@example.com',
    '--yes',
    '--reason',
    'laptop lost',
  );
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^ink_[0-9a-f]{48}\n$/);
  assert.doesNotMatch(stderr, /ink_[0-9a-f]{48}/);
  assert.equal((await server.call('GET', '/me', { key: ada.apiKey })).status, 401);
  assert.equal((await server.call('GET', '/me', { key: stdout.trim() })).status, 200);

  const again = JSON.parse(await succeed(inksong('keys', 'rotate', ada.id, '--yes', '--json')));
  assert.equal((await server.call('GET', '/me', { key: stdout.trim() })).status, 401);
  assert.equal((await server.call('GET', '/me', { key: again.api_key })).json.api_key_id, again.id);
});

test('keys rotate leaves the reason in the audit log', async (t) => {
  const server = await bootServer(t);
  const ada = await server.register();
  await succeed(beside(server, t)('keys', 'rotate', ada.email, '--yes', '--reason', 'laptop lost'));
  const [event] = await server.services.database.query
    .selectFrom('events')
    .selectAll()
    .where('kind', '=', 'api_key_rotated')
    .execute();
  assert.equal(event?.account_id, ada.id);
  assert.deepEqual(JSON.parse(event?.details ?? ''), { reason: 'laptop lost' });
});

test('keys allow: the next request from elsewhere is refused; it shows the list, and asks before shutting users out', async (t) => {
  const server = await bootServer(t);
  const inksong = beside(server, t);
  const ada = await server.register('ada@example.com');
  const status = async () => (await server.call('GET', '/me', { key: ada.apiKey })).status;
  const any = 'Any address may use the key';
  assert.ok((await succeed(inksong('keys', 'allow', ada.email))).startsWith(any));
  assert.equal(await status(), 200);
  await server.services.apiKeys.flushSeenAddresses();

  const asked = await inksong('keys', 'allow', ada.email, '203.0.113.0/24', '2001:DB8::7');
  assert.equal(asked.code, 1);
  assert.match(
    asked.stderr,
    /127\.0\.0\.1, last on .*\nThey will be refused at once\. Nobody is here to ask: add --yes/s,
  );
  assert.equal(await status(), 200, 'nothing was changed');
  const list = ['203.0.113.0/24', '2001:db8::7'];
  const set = JSON.parse(
    await succeed(inksong('keys', 'allow', ada.id, '203.0.113.0/24', '2001:DB8::7', '-y', '--json')),
  );
  assert.deepEqual(set, { id: ada.apiKeyId, email: ada.email, allowed_ips: list });
  assert.equal(await status(), 403);
  assert.match(
    await succeed(inksong('keys', 'allow', ada.email)),
    /may be used from:\n {2}203\.0\.113\.0\/24\n {2}2001:db8::7\n$/,
  );

  await succeed(inksong('keys', 'allow', ada.email, '127.0.0.0/8'));
  assert.equal(await status(), 200);
  await succeed(inksong('keys', 'allow', ada.email, '--any'));
  const wrong = await inksong('keys', 'allow', ada.email, '10.0.0.5/24');
  assert.deepEqual(
    [wrong.code, wrong.stderr],
    [1, 'allowed_ips/0: 10.0.0.5/24 has host bits set; did you mean 10.0.0.0/24?\n'],
  );
  assert.equal((await inksong('keys', 'allow', ada.email, '10.0.0.0/8', '--any')).code, 1);
  const events = (await server.call('GET', '/events/?kind=allowlist_changed', { bearer: ada.accessToken })).json.items;
  assert.deepEqual(
    events.map(({ address, details }: { address: string | null; details: object }) => [address, details]).toReversed(),
    [
      [null, { from: 'any address', to: list.join(', ') }],
      [null, { from: list.join(', '), to: '127.0.0.0/8' }],
      [null, { from: '127.0.0.0/8', to: 'any address' }],
    ],
  );
});

test('accounts disable: the next request of key and session is refused; enable lets the key in, not the session', async (t) => {
  const server = await bootServer(t);
  const inksong = beside(server, t);
  const ada = await server.register();
  const bob = await server.register();
  await succeed(inksong('accounts', 'disable', ada.email, '--yes'));
  assert.equal((await server.call('GET', '/me', { key: ada.apiKey })).status, 401);
  assert.equal((await server.call('GET', '/me', { bearer: ada.accessToken })).status, 401);
  assert.equal(
    (await server.call('POST', '/auth/login', { json: { email: ada.email, password: goodPassword } })).status,
    401,
  );
  assert.equal((await server.call('GET', '/me', { key: bob.apiKey })).status, 200);

  const listed = JSON.parse(await succeed(inksong('accounts', 'list', '--json')));
  assert.deepEqual(
    listed.map((account: { email: string; disabled_at: string | null }) => [
      account.email,
      account.disabled_at !== null,
    ]),
    [
      [ada.email, true],
      [bob.email, false],
    ],
  );
  await succeed(inksong('accounts', 'enable', ada.id));
  assert.equal((await server.call('GET', '/me', { key: ada.apiKey })).status, 200);
  assert.equal((await server.call('GET', '/me', { bearer: ada.accessToken })).status, 401);
});

test('sessions revoke: the next request of every session is refused, the key goes on', async (t) => {
  const server = await bootServer(t);
  const ada = await server.register();
  const second = await server.login(ada);
  const revoked = JSON.parse(await succeed(beside(server, t)('sessions', 'revoke', ada.email, '--yes', '--json')));
  assert.equal(revoked.ended_sessions, 2);
  for (const bearer of [ada.accessToken, second.accessToken]) {
    assert.equal((await server.call('GET', '/me', { bearer })).status, 401);
  }
  assert.equal((await server.call('POST', '/auth/refresh', { refreshToken: second.refreshToken })).status, 401);
  assert.equal((await server.call('GET', '/me', { key: ada.apiKey })).status, 200);
});

test('accounts delete: key, sessions and the account itself are gone', async (t) => {
  const server = await bootServer(t);
  const inksong = beside(server, t);
  const ada = await server.register();
  await succeed(inksong('accounts', 'delete', ada.email, '--yes'));
  assert.equal((await server.call('GET', '/me', { key: ada.apiKey })).status, 401);
  assert.equal((await server.call('GET', '/me', { bearer: ada.accessToken })).status, 401);
  assert.match(await succeed(inksong('accounts', 'list')), /There is no account yet/);
});

test('accounts create: the link signs up once where sign-up is closed, and only for its address', async (t) => {
  const server = await bootServer(t, { INKSONG_SIGNUP: 'closed' });
  const inksong = beside(server, t);
  const created = JSON.parse(await succeed(inksong('accounts', 'create', "o'brien@example.com", '--json')));
  assert.ok(created.link.startsWith(`${server.config.publicUrl}/sign-up#invitation=${created.invitation}&email=`));
  const hours = (Date.parse(created.expires_at) - Date.now()) / 3_600_000;
  assert.ok(hours > 71.9 && hours <= 72);

  const sign = (email: string) =>
    server.call('POST', '/auth/register', { json: { email, password: goodPassword, invitation: created.invitation } });
  assert.equal((await sign('eve@example.com')).status, 403);
  assert.equal((await sign("o'brien@example.com")).status, 201);
  assert.equal((await sign("o'brien@example.com")).status, 403);

  const taken = await inksong('accounts', 'create', "o'brien@example.com");
  assert.deepEqual([taken.code, taken.stderr], [1, 'This e-mail address has an account already.\n']);
  const wrong = await inksong('accounts', 'create', 'not an address');
  assert.deepEqual([wrong.code, wrong.stderr], [1, 'email: Must be an e-mail address.\n']);
});

test('accounts create: the printed curl command works as it is', async (t) => {
  const server = await bootServer(t, { INKSONG_SIGNUP: 'closed' });
  const environment = { ...server.environment, INKSONG_PUBLIC_URL: server.url };
  const text = await succeed(runInksong(t, ['accounts', 'create', "o'brien@example.com"], { environment }));
  // A shell reads the command; what it would give to curl is sent from here, so that no curl is needed.
  const script = `curl() { printf '%s\\0' "$@"; }; ${text.slice(text.indexOf('curl '))}`;
  const { stdout } = await promisify(execFile)('sh', ['-c', script]);
  const [, , url = '', , header = '', , body = ''] = stdout.split('\0');
  const response = await fetch(url, { method: 'POST', headers: [header.split(': ') as [string, string]], body });
  assert.equal(response.status, 201);
});

test('accounts reset-password: the link sets a new password once, ends every session, and voids the link before it', async (t) => {
  const server = await bootServer(t);
  const inksong = beside(server, t);
  const ada = await server.register();
  const issue = async () => JSON.parse(await succeed(inksong('accounts', 'reset-password', ada.email, '--json')));
  const first = await issue();
  const second = await issue();
  assert.equal(second.link, `${server.config.publicUrl}/reset-password#token=${second.token}`);
  const hours = (Date.parse(second.expires_at) - Date.now()) / 3_600_000;
  assert.ok(hours > 71.9 && hours <= 72);
  assert.equal((await server.call('GET', '/me', { bearer: ada.accessToken })).status, 200, 'nothing has changed yet');

  const newPassword = 'seven other words would do better';
  const reset = (token: string) =>
    server.call('POST', '/auth/password/reset', { json: { token, new_password: newPassword } });
  assert.equal((await reset(first.token)).json.code, 'link_invalid');
  assert.equal((await reset(second.token)).status, 204);
  assert.equal((await reset(second.token)).json.code, 'link_invalid');
  assert.equal((await server.call('GET', '/me', { bearer: ada.accessToken })).status, 401);
  assert.equal((await server.call('GET', '/me', { key: ada.apiKey })).status, 200);
  await server.login({ email: ada.email, password: newPassword });

  const late = await issue();
  await server.services.database.query.updateTable('mailed_links').set({ expires_at: 1 }).execute();
  assert.equal((await reset(late.token)).json.code, 'link_invalid');
});

test('what an operator does is in the account’s events, and a line of the log on standard error', async (t) => {
  const server = await bootServer(t);
  const inksong = beside(server, t);
  const ada = await server.register();
  const events: unknown[] = [];
  for (const words of [
    ['accounts', 'reset-password', ada.email, '--json'],
    ['keys', 'rotate', ada.email, '--yes', '--json'],
    ['accounts', 'disable', ada.email, '--yes'],
    ['accounts', 'enable', ada.email],
  ]) {
    const { code, stdout, stderr } = await inksong(...words);
    assert.equal(code, 0, stderr);
    const lines = stderr.split('\n').filter((line) => line.startsWith('{'));
    assert.equal(lines.length, 1, `${words} ${stderr}`);
    const { event, account_id, address, time } = JSON.parse(lines[0] ?? '');
    events.push(event);
    assert.deepEqual([account_id, address], [ada.id, null]);
    assert.ok(Date.parse(time) <= Date.now());
    const { token, api_key } = words.includes('--json') ? JSON.parse(stdout) : {};
    for (const secret of [token, api_key]) assert.ok(secret === undefined || !stderr.includes(secret));
  }
  assert.deepEqual(events, ['reset_link_issued', 'api_key_rotated', 'account_disabled', 'account_enabled']);
  const { accessToken } = await server.login(ada);
  const { items } = (await server.call('GET', '/events/', { bearer: accessToken })).json;
  const kinds = items.map(({ kind }: { kind: string }) => kind);
  assert.deepEqual(kinds.slice(1, 5), events.toReversed());
});

test('accounts reset-password: no link for an account that is disabled or that is not there', async (t) => {
  const server = await bootServer(t);
  const inksong = beside(server, t);
  const ada = await server.register();
  await server.services.accounts.disable(ada.id);
  for (const [who, why] of [
    [ada.email, /is disabled; inksong accounts enable/],
    ['nobody@example.com', /There is no account/],
  ] as const) {
    const { code, stdout, stderr } = await inksong('accounts', 'reset-password', who);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, why);
  }
  const { query } = server.services.database;
  assert.deepEqual(await query.selectFrom('mailed_links').select('hash').execute(), []);
  assert.deepEqual(await query.selectFrom('events').select('id').where('kind', '=', 'reset_link_issued').execute(), []);
});

test('what destroys asks first: without a terminal and without --yes it does nothing and says so', async (t) => {
  const server = await bootServer(t);
  const inksong = beside(server, t);
  const ada = await server.register();
  for (const words of [
    ['accounts', 'disable', ada.email],
    ['accounts', 'delete', ada.email],
    ['keys', 'rotate', ada.email],
    ['sessions', 'revoke', ada.email],
  ]) {
    const { code, stdout, stderr } = await inksong(...words);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^[^\n]*Nobody is here to ask: add --yes to do it\.\n$/);
  }
  assert.equal((await server.call('GET', '/me', { key: ada.apiKey })).status, 200);
  assert.equal((await server.call('GET', '/me', { bearer: ada.accessToken })).status, 200);
});

test('what is not a command, option or account is said in a line with a hint', async (t) => {
  const server = await bootServer(t);
  const inksong = beside(server, t);
  for (const [words, said] of [
    [['acounts'], /unknown command 'acounts'\n\(Did you mean accounts\?\)/],
    [['accounts', 'list', '--jsn'], /unknown option '--jsn'/],
    [['accounts', 'create'], /missing required argument 'email'/],
    [['sessions', 'revoke', 'nobody@example.com', '--yes'], /^There is no account nobody@example\.com; /],
  ] as const) {
    const { code, stdout, stderr } = await inksong(...words);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, said);
    assert.doesNotMatch(stderr, /^\s+at /m);
  }
});

test('every command explains itself', async (t) => {
  for (const words of [
    [],
    ['accounts'],
    ['accounts', 'create'],
    ['keys', 'rotate'],
    ['sessions', 'revoke'],
    ['serve'],
    ['migrate'],
    ['backup'],
    ['restore'],
    ['doctor'],
    ['openapi'],
  ]) {
    assert.match(await succeed(runInksong(t, [...words, '--help'])), /^Usage: inksong/);
  }
});

test('openapi prints what the server serves, and touches no data folder', async (t) => {
  const server = await bootServer(t);
  const dataDirectory = join(temporaryFolder(t), 'data');
  const printed = await succeed(runInksong(t, ['openapi'], { environment: { INKSONG_DATA_DIR: dataDirectory } }));
  assert.deepEqual(JSON.parse(printed), (await server.call('GET', '/openapi.json')).json);
  assert.equal(existsSync(dataDirectory), false);
});

test('doctor finds a sound installation sound, and says what to do about an unsound one', async (t) => {
  const server = await bootServer(t);
  const { dataDirectory } = server.config;
  const { environment } = server;
  const sound = await runInksong(t, ['doctor', '--json'], { environment });
  // The PostgreSQL of the tests does without syncs; a sound one has a test in postgres-server.test.ts.
  const unsound = JSON.parse(sound.stdout).checks.filter(({ ok }: { ok: boolean }) => !ok);
  if (testEngine === 'sqlite') assert.deepEqual([sound.code, unsound], [0, []]);
  else assert.match(JSON.stringify(unsound), /^\[[^[]*fsync is off there[^[]*\]$/);

  if (testEngine === 'sqlite') chmodSync(join(dataDirectory, 'secret'), 0o644);
  chmodSync(dataDirectory, 0o755);
  const open = await runInksong(t, ['doctor'], { environment });
  assert.equal(open.code, 1);
  assert.match(open.stdout, /^✗ data folder: .* mode 755, open to other users: chmod 700 /m);
  if (testEngine === 'sqlite') {
    assert.match(open.stdout, /^✗ secret: .* mode 644, open to other users: chmod 600 /m);
    assert.match(open.stdout, /^✓ integrity: /m);
  }

  const outside = {
    ...environment,
    HOST: '0.0.0.0',
    INKSONG_PUBLIC_URL: 'http://localhost:8080',
    INKSONG_SIGNUP: 'closed',
  };
  const unreachable = await runInksong(t, ['doctor'], { environment: outside });
  assert.equal(unreachable.code, 1);
  assert.match(unreachable.stdout, /^✗ public URL: HOST 0\.0\.0\.0 serves other machines/m);

  const proxied = { ...environment, INKSONG_PUBLIC_URL: 'https://api.example.com' };
  const untrusting = await runInksong(t, ['doctor'], { environment: proxied });
  assert.equal(untrusting.code, 1);
  assert.match(untrusting.stdout, /^✗ proxies: .* INKSONG_TRUSTED_PROXIES names none/m);
  const trusting = { ...proxied, INKSONG_TRUSTED_PROXIES: '127.0.0.1, 2001:db8::/32' };
  const { stdout } = await runInksong(t, ['doctor'], { environment: trusting });
  assert.match(stdout, /^✓ proxies: 127\.0\.0\.1, 2001:db8::\/32 say in x-forwarded-for /m);

  const misconfigured = await runInksong(t, ['doctor'], {
    environment: { ...environment, PORT: 'x', INKSONG_NOPE: '1' },
  });
  assert.equal(misconfigured.code, 1);
  assert.equal(misconfigured.stdout.match(/^✗ configuration: /gm)?.length, 2);

  const absent = join(temporaryFolder(t), 'data');
  assert.equal((await runInksong(t, ['doctor'], { environment: { INKSONG_DATA_DIR: absent } })).code, 1);
  assert.equal(existsSync(absent), false);
});
