import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { sql } from '#kysely';
import { statementRun } from '../src/database/statement-run.ts';
import {
  type Answer,
  bootServer,
  type CallOptions,
  goodPassword,
  type TestServer,
  temporaryDirectory,
} from './boot.ts';
import { deliver, parseMail } from './mailbox.ts';
import { exchange, rawRequest } from './raw-http.ts';

/** Attacks that worked on real products. The numbers C01 … are those of docs/security.md. */

/** Boots several servers on one database; a change made at one is judged at each of the others. */
async function bootNodes(t: TestContext): Promise<[TestServer, ...TestServer[]]> {
  const INKSONG_DATA_DIR = temporaryDirectory(t);
  const INKSONG_SECRET = 'the same on every node '.repeat(2);
  const nodes: TestServer[] = [];
  for (let count = 0; count < 3; count++) nodes.push(await bootServer(t, { INKSONG_DATA_DIR, INKSONG_SECRET }));
  return nodes as [TestServer, ...TestServer[]];
}

/** Sends one request to every node and returns the one status they agree on. */
async function everywhere(nodes: TestServer[], method: string, path: string, options: CallOptions): Promise<number> {
  const statuses = await Promise.all(nodes.map(async (node) => (await node.call(method, path, options)).status));
  assert.equal(new Set(statuses).size, 1, `${method} ${path}: ${statuses}`);
  return statuses[0] ?? 0;
}

const pick = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;

test('C01 refresh fork race: parallel refreshes over all nodes give one successor', async (t) => {
  const nodes = await bootNodes(t);
  let { refreshToken, sessionId } = await nodes[0].register();
  for (let round = 0; round < 20; round++) {
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => pick(nodes, index).call('POST', '/auth/refresh', { refreshToken })),
    );
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    assert.equal(new Set(answers.map((answer) => answer.refreshToken)).size, 1);
    refreshToken = answers[0]?.refreshToken ?? '';
  }
  const live = await nodes[0].services.database.query
    .selectFrom('refresh_tokens')
    .select('hash')
    .where('session_id', '=', sessionId)
    .where('used_at', 'is', null)
    .execute();
  assert.equal(live.length, 1);
});

test('C02 refresh replay past the grace ends that session everywhere, and no other', async (t) => {
  const nodes = await bootNodes(t);
  const account = await nodes[0].register();
  const other = await nodes[0].login(account);
  let newest: Answer | undefined;
  let token = account.refreshToken;
  for (let step = 0; step < 2; step++) {
    newest = await pick(nodes, step).call('POST', '/auth/refresh', { refreshToken: token });
    token = newest.refreshToken ?? '';
  }
  await nodes[0].services.database.query
    .updateTable('refresh_tokens')
    .set({ used_at: sql<number>`used_at - 11000` })
    .execute();
  const replay = await nodes[1]?.call('POST', '/auth/refresh', { refreshToken: account.refreshToken });
  assert.equal(replay?.status, 401);
  assert.equal(replay?.headers.get('set-cookie'), null);
  assert.equal(await everywhere(nodes, 'GET', '/me', { bearer: newest?.json.access_token }), 401);
  assert.equal(await everywhere(nodes, 'POST', '/auth/refresh', { refreshToken: token }), 401);
  assert.equal(await everywhere(nodes, 'GET', '/me', { bearer: other.accessToken }), 200);
  const { items } = (await nodes[0].call('GET', '/events/', { bearer: other.accessToken })).json;
  assert.equal(items.filter(({ kind }: { kind: string }) => kind === 'refresh_reuse').length, 1);
});

test('C03 logout ends an unexpired access token on every node', async (t) => {
  const nodes = await bootNodes(t);
  const account = await nodes[0].register();
  assert.equal(await everywhere(nodes, 'GET', '/me', { bearer: account.accessToken }), 200);
  await nodes[0].call('POST', '/auth/logout', { refreshToken: account.refreshToken });
  assert.equal(await everywhere(nodes, 'GET', '/me', { bearer: account.accessToken }), 401);
});

test('C04 a password change or reset with nothing but what it must have ends every other session on every node', async (t) => {
  const nodes = await bootNodes(t);
  const account = await nodes[0].register();
  const others = [await nodes[0].login(account), await nodes[0].login(account)];
  const alive = async ({ accessToken, refreshToken }: { accessToken: string; refreshToken: string }) => [
    await everywhere(nodes, 'GET', '/me', { bearer: accessToken }),
    await everywhere(nodes, 'POST', '/auth/refresh', { refreshToken }),
  ];
  for (const { accessToken } of others)
    assert.equal(await everywhere(nodes, 'GET', '/me', { bearer: accessToken }), 200);
  const change = { current_password: account.password, new_password: 'seven quiet herons crossing water' };
  const changed = await nodes[0].call('POST', '/auth/password', { bearer: account.accessToken, json: change });
  assert.equal(changed.status, 204);
  for (const other of others) assert.deepEqual(await alive(other), [401, 401]);
  assert.equal(await everywhere(nodes, 'GET', '/me', { bearer: account.accessToken }), 200);

  const later = await nodes[0].login({ ...account, password: change.new_password });
  const link = await nodes[0].services.passwordReset.issue(account.id);
  const reset = { token: link?.token, new_password: 'ten loud parrots over the harbour' };
  assert.equal((await nodes[1]?.call('POST', '/auth/password/reset', { json: reset }))?.status, 204);
  for (const session of [account, later]) assert.deepEqual(await alive(session), [401, 401]);
});

test('C05 disabling an account ends its key, access token and refresh cookie on every node', async (t) => {
  const nodes = await bootNodes(t);
  const account = await nodes[0].register();
  assert.equal(await everywhere(nodes, 'GET', '/me', { key: account.apiKey }), 200);
  await nodes[0].services.accounts.disable(account.id);
  assert.equal(await everywhere(nodes, 'GET', '/me', { key: account.apiKey }), 401);
  assert.equal(await everywhere(nodes, 'GET', '/me', { bearer: account.accessToken }), 401);
  assert.equal(await everywhere(nodes, 'POST', '/auth/refresh', { refreshToken: account.refreshToken }), 401);
});

test('C06 nobody gets a key for somebody else by naming them', async (t) => {
  const server = await bootServer(t);
  const victim = await server.register();
  const attacker = await server.register();
  const names = {
    userId: victim.id,
    accountId: victim.id,
    account_id: victim.id,
    ownerId: victim.id,
    permissions: ['*'],
  };
  for (const [name, value] of Object.entries(names)) {
    const query = `?${name}=${victim.id}`;
    const inBody = { json: { email: `x${name}@example.com`, password: goodPassword, [name]: value } };
    assert.equal((await server.call('POST', '/auth/register', inBody)).status, 422, name);
    const rotate = `/api-keys/${victim.apiKeyId}/rotate`;
    assert.equal((await server.call('POST', rotate + query, { json: { [name]: value } })).status, 401);
    assert.equal((await server.call('POST', rotate + query, { bearer: attacker.accessToken })).status, 404);
    const own = { bearer: attacker.accessToken, json: { [name]: value } };
    assert.equal((await server.call('POST', `/api-keys/${attacker.apiKeyId}/rotate`, own)).status, 422, name);
    const listed = await server.call('GET', `/api-keys/${query}`, { bearer: attacker.accessToken });
    assert.deepEqual(
      listed.json.items.map(({ id }: { id: string }) => id),
      [attacker.apiKeyId],
    );
  }
  assert.equal((await server.call('GET', '/me', { key: victim.apiKey })).json.id, victim.id);
  assert.equal((await server.call('GET', '/me', { key: attacker.apiKey })).json.id, attacker.id);
});

test('C07 a rotated key that every node has just accepted is refused by every node after the answer', async (t) => {
  const nodes = await bootNodes(t);
  const account = await nodes[0].register();
  const probe = (key: string, count: number) =>
    Promise.all(
      Array.from({ length: count }, async (_, index) => (await pick(nodes, index).call('GET', '/me', { key })).status),
    );
  assert.deepEqual([...new Set(await probe(account.apiKey, 300))], [200]);
  const rotated = await nodes[0].call('POST', `/api-keys/${account.apiKeyId}/rotate`, { bearer: account.accessToken });
  assert.deepEqual([...new Set(await probe(account.apiKey, 300))], [401]);
  assert.deepEqual([...new Set(await probe(rotated.json.api_key, 300))], [200]);
});

test('C08 another’s document cannot be read, changed, deleted or listed by its id, with either scheme', async (t) => {
  const server = await bootServer(t);
  const owner = await server.register();
  const other = await server.register();
  const { id } = (
    await server.call('POST', '/documents/', { key: owner.apiKey, json: { title: 'Mine', content: 'x' } })
  ).json;
  const missing = `doc_${'0'.repeat(32)}`;
  const attempts: [string, (id: string) => string, CallOptions][] = [
    ['GET', (id) => `/documents/${id}`, {}],
    ['GET', (id) => `/documents/${id}/content`, {}],
    ['PATCH', (id) => `/documents/${id}`, { json: { title: 'Yours' } }],
    ['PUT', (id) => `/documents/${id}/content`, { body: 'y', headers: { 'Content-Type': 'text/plain' } }],
    ['DELETE', (id) => `/documents/${id}`, {}],
  ];
  for (const credential of [{ key: other.apiKey }, { bearer: other.accessToken }]) {
    for (const [method, path, options] of attempts) {
      const foreign = await server.call(method, path(id), { ...options, ...credential });
      const absent = await server.call(method, path(missing), { ...options, ...credential });
      assert.equal(foreign.status, 404, method);
      assert.equal(
        String(foreign.bytes).replace(foreign.json.request_id, ''),
        String(absent.bytes).replace(absent.json.request_id, ''),
      );
    }
    assert.deepEqual((await server.call('GET', '/documents/', credential)).json.items, []);
  }
  assert.ok(!(await server.call('GET', '/me/export', { bearer: other.accessToken })).bytes.includes(id));
  assert.equal(String((await server.call('GET', `/documents/${id}/content`, { key: owner.apiKey })).bytes), 'x');
});

test('C15 Host and X-Forwarded-Host never reach a link, an issuer, a cookie or a mail', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  for (let count = 0; count < 2; count++) {
    await server.call('POST', '/documents/', { key: account.apiKey, json: { title: `${count}`, content: '' } });
  }
  const hostile = [
    'Host: evil.example',
    'X-Forwarded-Host: evil.example',
    'X-Forwarded-Proto: http',
    'Forwarded: host=evil.example',
  ];
  const login = JSON.stringify({ email: account.email, password: account.password });
  const forgot = JSON.stringify({ email: account.email });
  const requests = [
    rawRequest(
      'POST',
      '/api/v1/auth/login',
      [...hostile, 'Content-Type: application/json', `Content-Length: ${login.length}`, 'Connection: close'],
      login,
    ),
    rawRequest('GET', '/api/v1/documents/?limit=1', [...hostile, `X-API-Key: ${account.apiKey}`, 'Connection: close']),
    rawRequest('GET', '/api/v1/nothing', [...hostile, 'Connection: close']),
    rawRequest('GET', '/openapi.json', [...hostile, 'Connection: close']),
    rawRequest(
      'POST',
      '/api/v1/auth/password/forgot',
      [...hostile, 'Content-Type: application/json', `Content-Length: ${forgot.length}`, 'Connection: close'],
      forgot,
    ),
  ];
  for (const request of requests) {
    const { answers } = await exchange(server.url, request);
    const [answer] = answers;
    assert.ok(answer);
    const text = `${JSON.stringify([...answer.headers])} ${answer.body}`;
    assert.doesNotMatch(text, /evil/);
    const token = /"access_token":"[^.]+\.([^.]+)/.exec(text)?.[1];
    if (token) assert.equal(JSON.parse(Buffer.from(token, 'base64url').toString()).iss, server.config.publicUrl);
    if (answer.headers.has('set-cookie'))
      assert.match(answer.headers.get('set-cookie') ?? '', /Secure; SameSite=Strict/);
  }
  await deliver(server);
  const outbox = join(server.config.dataDirectory, 'outbox');
  const mails = readdirSync(outbox).map((name) => parseMail(readFileSync(join(outbox, name), 'utf8'), []));
  assert.equal(mails.length, 1);
  assert.equal(mails[0]?.link?.split('#')[0], `${server.config.publicUrl}/reset-password`);
  assert.doesNotMatch(`${mails[0]?.raw} ${mails[0]?.html}`, /evil/);
});

test('C16 two passwords alike in their first 72 bytes are two passwords', async (t) => {
  const server = await bootServer(t);
  const start = 'seventy-two bytes are where bcrypt stops reading; see how it fares here.';
  assert.equal(start.length, 72);
  const email = `${'l'.repeat(52)}@example.com`;
  await server.call('POST', '/auth/register', { json: { email, password: `${start} first` } });
  const login = (password: string) => server.call('POST', '/auth/login', { json: { email, password } });
  assert.equal((await login(`${start} second`)).status, 401);
  assert.equal((await login(start)).status, 401);
  assert.equal((await login(`${start} first`)).status, 200);
});

test('C17 operator objects, arrays and booleans for strings are 422 at sign-in', async (t) => {
  const server = await bootServer(t);
  const { email, password } = await server.register();
  for (const hostile of [{ $ne: '' }, { $gt: '' }, [password], true, 1, null]) {
    assert.equal((await server.call('POST', '/auth/login', { json: { email, password: hostile } })).status, 422);
    assert.equal((await server.call('POST', '/auth/login', { json: { email: hostile, password } })).status, 422);
  }
});

test('C20 headers, cookies, queries and body fields named like Object’s own members change nothing', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype']) {
    const target = `/api/v1/me?${name}=1&${name}[polluted]=1`;
    const headers = [`Host: x`, `${name}: 1`, `Cookie: ${name}=1`, `X-API-Key: ${account.apiKey}`, 'Connection: close'];
    const { answers } = await exchange(server.url, rawRequest('GET', target, headers));
    assert.equal(answers[0]?.status, 200, name);
    const body = `{"email":"${account.email}","password":"${account.password}","${name}":{"polluted":1}}`;
    const answer = await server.call('POST', '/auth/login', { body, headers: { 'Content-Type': 'application/json' } });
    assert.ok(answer.status === 400 || answer.status === 422, `${name} ${answer.status}`);
  }
  assert.equal(({} as { polluted?: number }).polluted, undefined);
  assert.equal((await server.call('GET', '/me', { key: account.apiKey })).status, 200);
});

test('C21 deep and crafted JSON is refused, and others are answered meanwhile', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const deep = '['.repeat(100_000) + ']'.repeat(100_000);
  const keys = `{${Array.from({ length: 60_000 }, (_, n) => `"${n * 65_536}":1`).join(',')}}`;
  const bodies = [deep, keys, `{"a":${'[{"b":'.repeat(50_000)}1${'}]'.repeat(50_000)}}`];
  const meanwhile = Array.from({ length: 20 }, () => server.call('GET', '/me', { key: account.apiKey }));
  for (const body of bodies) {
    for (const [path, credential] of [
      ['/auth/login', {}],
      ['/documents/', { key: account.apiKey }],
    ] as const) {
      const answer = await server.call('POST', path, {
        body,
        headers: { 'Content-Type': 'application/json' },
        ...credential,
      });
      assert.ok([400, 413, 422].includes(answer.status), `${answer.status}`);
      assert.ok(answer.bytes.length < 10_000, 'the refusal is short, however many faults there are');
    }
  }
  assert.ok((await Promise.all(meanwhile)).every(({ status }) => status === 200));
});

test('C22 no text input makes the server think for long', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const { id } = (
    await server.call('POST', '/documents/', { key: account.apiKey, json: { title: 'Mine', content: 'x' } })
  ).json;
  const long = 60_000;
  const hostile = [
    `${'a'.repeat(long)}!`,
    `${' '.repeat(long)}x`,
    'a@'.repeat(long / 2),
    '%'.repeat(long),
    'Mozilla/5.0 ('.repeat(long / 13),
    'a/b;q="'.repeat(long / 7),
    '0-,'.repeat(long / 3),
    'eyJ-.'.repeat(long / 5),
  ];
  for (const text of hostile) {
    const before = process.cpuUsage();
    // A header has room for so much beside the others.
    const header = text.trimStart().slice(0, 12_000);
    const withHeader = (name: string) =>
      server.call('GET', `/documents/${id}/content`, { key: account.apiKey, headers: { [name]: header } });
    const calls = [
      ...['Range', 'If-None-Match', 'If-Match', 'User-Agent', 'Accept', 'X-Forwarded-For', 'Cookie'].map(withHeader),
      server.call('PATCH', `/documents/${id}`, { key: account.apiKey, json: { title: text } }),
      server.call('PUT', `/documents/${id}/content`, {
        key: account.apiKey,
        body: 'x',
        headers: { 'Content-Type': header, 'If-Match': header },
      }),
      server.call('POST', '/auth/login', {
        json: { email: account.email, password: text.slice(0, 4_000) },
        headers: { 'User-Agent': header },
      }),
      server.call('GET', `/documents/${encodeURIComponent(header.slice(0, 4_000))}`, { key: account.apiKey }),
      server.call('POST', '/auth/login', { json: { email: text, password: 'x' } }),
      server.call('POST', '/auth/register', { json: { email: text.slice(0, 254), password: text } }),
      server.call('GET', `/documents/?q=${encodeURIComponent(text.slice(0, 3_000))}`, { key: account.apiKey }),
      server.call('GET', `/documents/?cursor=${encodeURIComponent(text.slice(0, 3_000))}`, { key: account.apiKey }),
      server.call('GET', '/me', { key: text.trim().slice(0, 8_000) || 'x' }),
      server.call('POST', '/documents/', {
        key: account.apiKey,
        json: { title: text, content: '', content_type: text },
      }),
    ];
    for (const { status } of await Promise.all(calls)) assert.ok(status < 500 && status !== 408, `${status}`);
    // Of the processor, not the clock: what else runs on the machine does not count.
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 2_000_000, `${text.slice(0, 20)}… took ${(user + system) / 1_000} ms of processor time`);
  }
});

test('C23 a compressed body is refused unread, though it would unpack to a good document or to very much', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const document = Buffer.from('{"title":"Packed","content":"x"}');
  const pack = { gzip: gzipSync, br: brotliCompressSync, deflate: deflateSync, zstd: zstdCompressSync };
  const bodies = Object.entries(pack).flatMap(([encoding, packed]): [string, Buffer][] => [
    [encoding, packed(document)],
    [encoding, packed(Buffer.alloc(64 * 1024 ** 2, ' '))],
  ]);
  const asked: [string, CallOptions][] = [
    ['/documents/', { key: account.apiKey }],
    ['/auth/login', {}],
  ];
  for (const [encoding, body] of [...bodies, ['gzip, identity', gzipSync(document)] as const]) {
    for (const [path, credential] of asked) {
      const headers = { 'Content-Encoding': encoding, 'Content-Type': 'application/json' };
      const answer = await server.call('POST', path, { ...credential, body, headers });
      assert.equal(answer.status, 415, `${path} ${encoding}`);
    }
  }
  assert.deepEqual((await server.call('GET', '/documents/', { key: account.apiKey })).json.items, []);
});

test('C24 anybody’s health checks cause at most one read of the database at a time, and /healthz none', async (t) => {
  const server = await bootServer(t);
  const { database } = server.services;
  let atOnce = 0;
  let most = 0;
  let checks = 0;
  const held = Promise.withResolvers<void>();
  const { probe } = database;
  t.mock.method(database, 'probe', async () => {
    checks++;
    most = Math.max(most, ++atOnce);
    try {
      await held.promise;
      await probe();
    } finally {
      atOnce--;
    }
  });
  const count = 200;
  const allArrived = new Promise<void>((resolve) => {
    let arrived = 0;
    server.app.server.on('request', () => {
      if (++arrived === count) resolve();
    });
  });
  const ask = (path: string) => Array.from({ length: count }, (_, n) => server.call('GET', `${path}?n=${n}`));
  const ready = ask('/readyz');
  await allArrived;
  let statements = 0;
  t.after(statementRun.listen(() => statements++));
  for (const { status } of await Promise.all(ask('/healthz'))) assert.equal(status, 200);
  assert.equal(statements, 0);
  assert.deepEqual([checks, most], [1, 1], 'all of them wait for the one');
  held.resolve();
  for (const { status } of await Promise.all(ready)) assert.equal(status, 200);
  assert.equal(most, 1);
  await server.call('GET', '/readyz');
  assert.ok(checks > 1, 'who comes later is told how it is then');
  assert.equal(statements, checks, 'each check is one read');
});

test('C25 a new or rotated key is in that one answer, which nobody may store, and nowhere later', async (t) => {
  const server = await bootServer(t);
  const json = { email: 'new@example.com', password: goodPassword };
  const registered = await server.call('POST', '/auth/register', { json });
  const bearer = registered.json.access_token;
  const [{ id }] = (await server.call('GET', '/api-keys/', { bearer })).json.items;
  const rotated = await server.call('POST', `/api-keys/${id}/rotate`, { bearer });
  const keys: string[] = [registered, rotated].map((answer) => {
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert.ok(!JSON.stringify([...answer.headers]).includes(answer.json.api_key.slice(4, 20)));
    return answer.json.api_key;
  });
  const key = keys[1] ?? '';
  const later = [
    await server.call('POST', '/auth/register', { json }),
    await server.call('POST', '/auth/login', { json }),
    await server.call('GET', '/api-keys/', { bearer }),
    await server.call('GET', '/me', { key }),
    await server.call('GET', '/documents/', { key }),
    await server.call('GET', '/events/', { bearer }),
    await server.call('GET', '/usage/', { bearer }),
    await server.call('GET', '/auth/sessions/', { bearer }),
    await server.call('GET', '/me/export', { bearer }),
    await server.call('GET', `/api-keys/${id}/rotate`, { bearer }),
  ];
  for (const secret of keys) {
    // The archive's files are stored, not compressed.
    for (const { bytes } of later) assert.ok(!bytes.includes(secret.slice(4, 20)));
    assert.ok(!server.logLines.join('').includes(secret.slice(4, 20)));
  }
});
