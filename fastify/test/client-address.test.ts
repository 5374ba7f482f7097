import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { startApp } from './guarded-app.ts';
import { allow, bootInksong, temporaryDirectory } from './inksong-server.ts';
import { identity, pretendInksong } from './pretended-inksong.ts';
import { send } from './request.ts';

/** What clients write who want to be somebody else. */
const spoofed = ['X-Forwarded-For', '127.0.0.7', 'X-Real-IP', '127.0.0.7', 'Forwarded', 'for=127.0.0.7'];

for (const header of ['x-forwarded-for', 'forwarded']) {
  test(`an allowlist sees the app’s client, whatever that one claims, where Inksong believes ${header}`, async (t) => {
    const server = await bootInksong(t, { INKSONG_CLIENT_IP_HEADER: header });
    const account = await server.register();
    await allow(server, account, ['127.0.0.7', '2001:db8::/32', 'fe80::/10']);
    const { url } = await startApp(t, server.url);
    const key = account.apiKey;
    assert.equal((await send(`${url}/both`, { key, from: '127.0.0.7' })).status, 200);
    for (const headers of [[], spoofed]) {
      const refused = await send(`${url}/both`, { key, from: '127.0.0.8', headers });
      assert.deepEqual([refused.status, refused.json.code], [403, 'address_not_allowed']);
      assert.match(refused.json.detail, /127\.0\.0\.8/);
    }
    assert.equal((await send(`${url}/both`, { key, from: '127.0.0.7', headers: spoofed })).status, 200);
    assert.equal((await send(`${url}/both`, { bearer: account.accessToken, from: '127.0.0.8' })).status, 200);

    // Behind a proxy of its own, the app goes by that one's word, as far as its own setting says.
    const behind = await startApp(t, server.url, { trustProxy: '127.0.0.1' });
    for (const [address, status] of [
      ['127.0.0.7', 200],
      ['127.0.0.8', 403],
      ['127.0.0.7, 127.0.0.8', 403],
      ['127.0.0.8, 127.0.0.7', 200],
      ['2001:db8::7', 200],
      ['2001:db9::7', 403],
      ['::ffff:127.0.0.7', 200],
      ['fe80::7%eth0', 200],
      ['nonsense', 403],
      ['127.0.0.7;for=127.0.0.8', 403],
      ['"127.0.0.7"', 403],
    ] as const) {
      const headers = ['X-Forwarded-For', address];
      assert.equal((await send(`${behind.url}/both`, { key, headers })).status, status, address);
      const untrusted = await send(`${behind.url}/both`, { key, from: '127.0.0.9', headers });
      assert.deepEqual([untrusted.status, untrusted.json.code], [403, 'address_not_allowed'], address);
    }
  });
}

test('an IPv4 client of an app that listens on IPv6 is an IPv4 client', async (t) => {
  const server = await bootInksong(t);
  const account = await server.register();
  await allow(server, account, ['127.0.0.0/8']);
  const { url } = await startApp(t, server.url, { host: '::' });
  const { port } = new URL(url);
  assert.equal((await send(`http://127.0.0.1:${port}/both`, { key: account.apiKey, from: '127.0.0.7' })).status, 200);
  const refused = await send(`http://[::1]:${port}/both`, { key: account.apiKey });
  assert.deepEqual([refused.status, refused.json.code], [403, 'address_not_allowed']);
});

test('a client whose address nobody knows is not taken for the app itself', async (t) => {
  const server = await bootInksong(t);
  const account = await server.register();
  await allow(server, account, ['127.0.0.1']);
  const { url, app } = await startApp(t, server.url);
  assert.equal((await send(`${url}/both`, { key: account.apiKey })).status, 200);

  const socketPath = join(temporaryDirectory(t), 'socket');
  const onSocket = createServer(app.routing);
  t.after(() => onSocket.close());
  await once(onSocket.listen(socketPath), 'listening');
  const refused = await send('http://localhost/both', { key: account.apiKey, socketPath });
  assert.deepEqual([refused.status, refused.json.code], [403, 'address_not_allowed']);
});

test('an app that was asked over http says so, and Inksong refuses where it is reached by https', async (t) => {
  const server = await bootInksong(t, { INKSONG_PUBLIC_URL: 'https://inksong.example.com' });
  const { apiKey: key } = await server.register();
  const plain = await startApp(t, server.url);
  const refused = await send(`${plain.url}/both`, { key, headers: ['X-Forwarded-Proto', 'https'] });
  assert.deepEqual([refused.status, refused.json.code], [403, 'https_required']);

  const behind = await startApp(t, server.url, { trustProxy: '127.0.0.1' });
  for (const [scheme, status] of [
    ['https', 200],
    ['wss', 200],
    ['http', 403],
    ['nonsense', 403],
    ['https, http', 403],
  ] as const) {
    const headers = ['X-Forwarded-For', '192.0.2.7', 'X-Forwarded-Proto', scheme];
    assert.equal((await send(`${behind.url}/both`, { key, headers })).status, status, scheme);
  }
});

test('Inksong is told what decides, and nothing else of the request', async (t) => {
  const pretended = await pretendInksong(t, (response) => response.writeHead(200, identity).end());
  const { url } = await startApp(t, pretended.url);
  const headers = ['Cookie', 'a=b', 'X-Inksong-User', 'evil', 'X-Request-Id', '1', ...spoofed];
  const decisive = ['Origin', 'null', 'Sec-Fetch-Site', 'none', 'User-Agent', 'x', 'Authorization', 'Bearer b'];
  const { status } = await send(`${url}/both?a=b`, {
    method: 'POST',
    key: 'a',
    body: '{}',
    from: '127.0.0.8',
    headers: [...headers, ...decisive, 'x-api-key', 'c'],
  });
  assert.equal(status, 200);
  const [question] = pretended.questions;
  assert.deepEqual([question?.method, question?.url], ['GET', '/api/v1/auth/forward']);
  assert.deepEqual(question?.rawHeaders, [
    ...['Host', new URL(pretended.url).host],
    ...decisive,
    ...['x-api-key', 'c', 'X-API-Key', 'a'],
    ...['X-Forwarded-For', '127.0.0.8', 'X-Forwarded-Proto', 'http', 'Forwarded', 'for="127.0.0.8";proto=http'],
    ...['Connection', 'keep-alive'],
  ]);
});
