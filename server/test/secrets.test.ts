import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { flushesOf } from '../src/app.ts';
import { type Answer, bootServer, type CallOptions } from './boot.ts';
import { dumpOf, failStatements, faults } from './database-probes.ts';

test('no key, token, cookie or password is in a log line, the database or any answer but the one that shows it', async (t) => {
  const server = await bootServer(t);
  const secrets = new Map<string, string>();
  const answers: { what: string; answer: Answer }[] = [];
  const call = async (method: string, path: string, options: CallOptions = {}): Promise<Answer> => {
    const answer = await server.call(method, path, options);
    answers.push({ what: `${method} ${path.split('?')[0]}`, answer });
    return answer;
  };
  const keep = (name: string, secret: string): string => {
    assert.ok(secret.length > 10, `${name} is missing`);
    secrets.set(name, secret);
    return secret;
  };

  const email = 'canary@example.com';
  const password = keep('password', 'canary password nobody else has');
  const wrong = keep('wrong password', 'canary password that is wrong');
  const registered = await call('POST', '/auth/register', { json: { email, password } });
  const firstKey = keep('first key', registered.json.api_key);
  const access = keep('access token', registered.json.access_token);
  const refreshToken = keep('refresh token', registered.refreshToken ?? '');

  const login = await call('POST', '/auth/login', { json: { email, password } });
  const otherAccess = keep('second access token', login.json.access_token);
  const otherRefresh = keep('second refresh token', login.refreshToken ?? '');
  await call('POST', '/auth/login', { json: { email, password: wrong } });
  await call('POST', '/auth/login', { json: { email, password, extra: password } });
  await call('POST', '/auth/login', { json: { email: password, password: [password] } });
  await call('POST', '/auth/register', { json: { email, password } });
  await call('POST', '/auth/reauthenticate', { bearer: access, json: { password: wrong } });
  await call('POST', '/auth/reauthenticate', { bearer: access, json: { password } });

  const [key] = (await call('GET', '/api-keys/', { bearer: access })).json.items;
  const reason = `leaked: ${firstKey}`;
  const rotated = await call('POST', `/api-keys/${key.id}/rotate`, { bearer: access, json: { reason } });
  const secondKey = keep('second key', rotated.json.api_key);
  await call('GET', '/me', { key: firstKey });
  await call('GET', '/me', { key: secondKey });
  await call('GET', '/api-keys/', { bearer: access });
  const refreshed = await call('POST', '/auth/refresh', { refreshToken });
  keep('refreshed access token', refreshed.json.access_token);
  const successor = keep('successor', refreshed.refreshToken ?? '');
  await call('POST', '/auth/refresh', { refreshToken });
  const { token } = await server.services.accounts.invite('invited@example.com');
  keep('invitation', token);
  await call('POST', '/auth/register', { json: { email: 'other@example.com', password, invitation: token } });

  // What people do by mistake: secrets where none belong.
  for (const secret of [secondKey, access, successor]) {
    await call('GET', `/me?api_key=${secret}&access_token=${secret}`);
    await call('GET', `/documents/${secret}`);
    await call('GET', `/documents/${secret}`, { key: secondKey });
    await call('GET', '/me', { headers: { Cookie: `key=${secret}`, 'User-Agent': `agent ${secret}` } });
    await call('GET', '/me', { headers: { Authorization: `Basic ${secret}` } });
    await call('POST', '/auth/login', { json: { email, password }, headers: { 'User-Agent': `agent ${secret}` } });
    await call('GET', '/me', {
      key: secondKey,
      headers: { Origin: 'https://elsewhere.example', 'User-Agent': `agent ${secret}` },
    });
    await call('GET', '/me', { headers: { Authorization: `Bearer ${secret} ${secret}` } });
    await call('GET', `/documents/?cursor=${secret}`, { key: secondKey });
    await call('POST', '/auth/login', {
      body: `{"password":"${secret}"`,
      headers: { 'Content-Type': 'application/json' },
    });
    await rawRequest(server.url, `GET /${secret}\u0000 HTTP/1.1\r\nX-API-Key: ${secret}\r\n\r\n`);
  }
  const fault = failStatements(t, faults.unforeseen);
  await call('GET', '/me', { key: secondKey });
  await call('GET', '/me', { bearer: otherAccess });
  await call('POST', '/auth/refresh', { refreshToken: otherRefresh });
  fault.restore();
  await call('POST', '/auth/logout', { refreshToken: successor, bearer: access });
  for (const { run } of flushesOf(server.services)) await run();
  const { items } = (await call('GET', '/events/?limit=100', { bearer: otherAccess })).json;
  assert.ok(items.length >= 10, 'the audit log was looked through');

  assert.ok(server.logLines.length > 40, 'the log was on');
  assert.ok(server.logLines.some((line) => line.includes('injected')));
  assert.deepEqual(found(secrets, server.logLines.join('')), [], 'in the log');

  const stored = await dumpOf(server);
  assert.ok(stored.includes(email), 'the database was looked through');
  assert.deepEqual(found(secrets, stored), [], 'in the database');

  const shownBy: Record<string, string[]> = {};
  for (const { what, answer } of answers) {
    const text = `${answer.bytes} ${JSON.stringify([...answer.headers])}`;
    for (const name of found(secrets, text)) shownBy[name] = [...(shownBy[name] ?? []), what];
    for (const name of found(secrets, String(answer.bytes))) {
      assert.ok(!/refresh token|successor/.test(name), `the ${name} is in the body of ${what}`);
    }
  }
  assert.deepEqual(shownBy, {
    'first key': ['POST /auth/register'],
    'access token': ['POST /auth/register'],
    'refresh token': ['POST /auth/register'],
    'second access token': ['POST /auth/login'],
    'second refresh token': ['POST /auth/login'],
    'second key': [`POST /api-keys/${key.id}/rotate`],
    'refreshed access token': ['POST /auth/refresh'],
    // Presented again within the grace, the same cookie gets the same successor.
    successor: ['POST /auth/refresh', 'POST /auth/refresh'],
  });
});

test('one JSON line tells of each request: id, account, scheme, status, time; whatever the caller wrote stays inside it', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  server.logLines.length = 0;
  const byKey = await server.call('GET', '/me', {
    key: account.apiKey,
    headers: { 'User-Agent': 'a"}{"level":"fatal"' },
  });
  const byToken = await server.call('GET', '/me?x=%0d%0a{"level":"fatal"}', { bearer: account.accessToken });
  const refused = await server.call('GET', '/nothing%0a%22', { key: 'x' });
  await untilLogged(server.logLines, 3);
  assert.equal(server.logLines.length, 3);
  const lines = server.logLines.map((line) => {
    assert.equal(line.trimEnd().split('\n').length, 1);
    return JSON.parse(line);
  });
  for (const [index, answer] of [byKey, byToken, refused].entries()) {
    assert.equal(lines[index].request_id, answer.headers.get('x-request-id'));
    assert.equal(lines[index].status, answer.status);
    assert.equal(typeof lines[index].duration_ms, 'number');
    assert.equal(lines[index].address, '127.0.0.1');
  }
  assert.deepEqual(
    lines.map(({ account_id, scheme }) => [account_id, scheme]),
    [
      [account.id, 'api_key'],
      [account.id, 'bearer'],
      [null, null],
    ],
  );
  assert.equal(lines[1].path, '/api/v1/me', 'the query is left out');
});

test('a credential in a refused address is not in the log', async (t) => {
  const server = await bootServer(t);
  const { apiKey } = await server.register();
  await rawRequest(server.url, `GET /${apiKey}/%E0%A4%A HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  await server.call('GET', `/documents/${apiKey.toUpperCase()}`);
  assert.deepEqual(found(new Map([['key', apiKey.slice(4)]]), server.logLines.join('').toLowerCase()), []);
});

function found(secrets: Map<string, string>, text: string): string[] {
  return [...secrets].filter(([, secret]) => text.includes(secret)).map(([name]) => name);
}

/** The line of a request is written after its answer has been sent. */
async function untilLogged(lines: string[], count: number): Promise<void> {
  for (let turn = 0; lines.length < count && turn < 1000; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Sends bytes that no HTTP client would, and resolves when the server has closed the connection. */
function rawRequest(url: string, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname, () => socket.end(text));
    socket
      .on('data', () => {})
      .on('close', () => resolve())
      .on('error', reject);
  });
}
