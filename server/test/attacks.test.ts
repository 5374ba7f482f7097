import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import {
  type Answer,
  bootServer,
  type CallOptions,
  goodPassword,
  type TestServer,
  temporaryDirectory,
} from './boot.ts';
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
});

test('C03 logout ends an unexpired access token on every node', async (t) => {
  const nodes = await bootNodes(t);
  const account = await nodes[0].register();
  assert.equal(await everywhere(nodes, 'GET', '/me', { bearer: account.accessToken }), 200);
  await nodes[0].call('POST', '/auth/logout', { refreshToken: account.refreshToken });
  assert.equal(await everywhere(nodes, 'GET', '/me', { bearer: account.accessToken }), 401);
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
    const listed = await server.call('GET', `/api-keys/${query}`, { bearer: attacker.accessToken });
    assert.deepEqual(
      listed.json.items.map(({ id }: { id: string }) => id),
      [attacker.apiKeyId],
    );
  }
  assert.equal((await server.call('GET', '/me', { key: victim.apiKey })).json.id, victim.id);
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
  assert.equal(String((await server.call('GET', `/documents/${id}/content`, { key: owner.apiKey })).bytes), 'x');
});

test('C15 Host and X-Forwarded-Host never reach a link, an issuer or a cookie', async (t) => {
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
  const deep = '['.repeat(30_000) + ']'.repeat(30_000);
  const keys = `{${Array.from({ length: 4_000 }, (_, n) => `"${n * 65_536}":1`).join(',')}}`;
  const bodies = [deep, keys, `{"a":${'[{"b":'.repeat(5_000)}1${'}]'.repeat(5_000)}}`];
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
  const hostile = [`${'a'.repeat(10_000)}!`, `${' '.repeat(10_000)}x`, `${'a@'.repeat(5_000)}`, `${'%'.repeat(9_000)}`];
  for (const text of hostile) {
    const calls = [
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
  }
});

test('C23 a compressed body is refused unread', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  for (const encoding of ['gzip', 'br', 'deflate', 'zstd', 'gzip, identity']) {
    const options = {
      key: account.apiKey,
      body: 'x',
      headers: { 'Content-Encoding': encoding, 'Content-Type': 'application/json' },
    };
    assert.equal((await server.call('POST', '/documents/', options)).status, 415, encoding);
  }
});

test('C25 a rotated key is in that one answer, which nobody may store', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const rotated = await server.call('POST', `/api-keys/${account.apiKeyId}/rotate`, { bearer: account.accessToken });
  assert.equal(rotated.headers.get('cache-control'), 'no-store');
  assert.ok(!JSON.stringify([...rotated.headers]).includes(rotated.json.api_key));
  const later = [
    await server.call('GET', '/api-keys/', { bearer: account.accessToken }),
    await server.call('GET', '/me', { key: rotated.json.api_key }),
    await server.call('GET', '/documents/', { key: rotated.json.api_key }),
  ];
  for (const answer of later) assert.ok(!String(answer.bytes).includes(rotated.json.api_key.slice(4, 20)));
  assert.ok(!server.logLines.join('').includes(rotated.json.api_key));
});
