import assert from 'node:assert/strict';
import { once } from 'node:events';
import { ServerResponse } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { test } from 'node:test';
import Fastify from 'fastify';
import { inksong, type Principal, principalOf } from '../src/index.ts';
import { startApp } from './guarded-app.ts';
import { allow, bootInksong, rotate } from './inksong-server.ts';
import { send } from './request.ts';

test('a handler learns who is calling, by which scheme and with which key', async (t) => {
  const server = await bootInksong(t);
  // What would not survive in a header as it is.
  const account = await server.register('jürgen+100%@example.com');
  const { url } = await startApp(t, server.url, {}, (app) => {
    app.get('/mine', { config: { access: 'both' } }, async (request) => principalOf(request).accountId);
    app.get('/nobody', { config: { access: 'public' } }, async (request) => principalOf(request).accountId);
  });
  const caller = { accountId: account.id, email: account.email };
  const byKey: Principal = { ...caller, scheme: 'api_key', apiKeyId: account.apiKeyId };
  const byToken: Principal = { ...caller, scheme: 'bearer', apiKeyId: null };
  assert.deepEqual((await send(`${url}/both`, { key: account.apiKey })).json.principal, byKey);
  assert.deepEqual((await send(`${url}/api-key`, { key: account.apiKey })).json.principal, byKey);
  assert.deepEqual((await send(`${url}/both`, { bearer: account.accessToken })).json.principal, byToken);
  assert.deepEqual((await send(`${url}/bearer`, { bearer: account.accessToken })).json.principal, byToken);
  const lowerCase = { headers: ['authorization', `bearer ${account.accessToken}`] };
  assert.deepEqual((await send(`${url}/both`, lowerCase)).json.principal, byToken);
  assert.equal((await send(`${url}/mine`, { key: account.apiKey })).text, account.id);

  assert.equal((await send(`${url}/public`)).json.principal, null);
  assert.equal((await send(`${url}/public`, { key: account.apiKey })).json.principal, null);
  assert.equal((await send(`${url}/nobody`, { key: account.apiKey })).status, 500);
});

test('what Inksong refuses is refused as Inksong does it: status, problem and headers', async (t) => {
  const server = await bootInksong(t);
  const account = await server.register();
  const { apiKey: key, accessToken: bearer } = account;
  const { url } = await startApp(t, server.url);
  const wrongKey = `ink_${'0'.repeat(48)}`;
  const cases: [path: string, Parameters<typeof send>[1], status: number, code: string][] = [
    ['/both', {}, 401, 'invalid_credentials'],
    ['/both', { key: wrongKey }, 401, 'invalid_credentials'],
    ['/both', { key: '' }, 401, 'invalid_credentials'],
    ['/both', { bearer: 'eyJhbGciOiJub25lIn0.e30.' }, 401, 'invalid_credentials'],
    ['/both', { headers: ['Authorization', 'Basic bmFtZTpwYXNz'] }, 401, 'invalid_credentials'],
    ['/both', { headers: ['Cookie', `X-API-Key=${key}`] }, 401, 'invalid_credentials'],
    [`/both?api_key=${key}`, {}, 401, 'invalid_credentials'],
    // A bad credential never falls through to the other scheme, and two of them are none.
    ['/both', { key, bearer }, 400, 'invalid_request'],
    ['/both', { key, headers: ['x-api-key', key] }, 400, 'invalid_request'],
    ['/both', { key, headers: ['X-API-KEY', wrongKey] }, 400, 'invalid_request'],
    ['/both', { bearer, headers: ['authorization', `Bearer ${bearer}`] }, 400, 'invalid_request'],
    ['/both', { bearer: `${bearer} ${bearer}` }, 400, 'invalid_request'],
    ['/both', { headers: ['Authorization', 'Bearer'] }, 400, 'invalid_request'],
    // A key does not belong in a page.
    ['/both', { key, headers: ['Sec-Fetch-Site', 'same-origin'] }, 403, 'key_in_browser'],
    ['/both', { key, headers: ['Origin', 'https://app.example.com'] }, 403, 'key_in_browser'],
    ['/both', { key, headers: ['Origin', 'null'] }, 403, 'key_in_browser'],
    ['/bearer', { key }, 403, 'session_required'],
    ['/api-key', { bearer }, 403, 'api_key_required'],
  ];
  for (const [path, options, status, code] of cases) {
    const answer = await send(url + path, options);
    const what = `${path} ${JSON.stringify(options)}`;
    assert.deepEqual([answer.status, answer.json?.status, answer.json?.code], [status, status, code], what);
    assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/, what);
    assert.equal(answer.headers['cache-control'], 'no-store', what);
    assert.equal(answer.headers['www-authenticate'] !== undefined, status === 401, what);
    const head = await send(url + path, { ...options, method: 'HEAD' });
    assert.equal(head.status, status, what);
  }
  const page = { bearer, headers: ['Origin', 'https://app.example.com', 'Sec-Fetch-Site', 'same-origin'] };
  assert.equal((await send(`${url}/both`, page)).status, 200);
});

test('a throttled caller is told when to come back', async (t) => {
  const server = await bootInksong(t, { INKSONG_RATE_LIMIT_API: '5/min' });
  const account = await server.register();
  const { url } = await startApp(t, server.url);
  let answer = await send(`${url}/both`, { key: account.apiKey });
  for (let asked = 1; answer.status === 200 && asked < 6; asked++)
    answer = await send(`${url}/both`, { key: account.apiKey });
  assert.deepEqual([answer.status, answer.json.code], [429, 'rate_limited']);
  assert.match(answer.headers['retry-after'] ?? '', /^\d+$/);
  assert.match(String(answer.headers.ratelimit), /^"api";r=0;t=\d+$/);
  assert.match(String(answer.headers['ratelimit-policy']), /^"api";q=5;w=60$/);
});

test('whoever is refused has not had a byte of the body read, nor any handler reached', async (t) => {
  const server = await bootInksong(t);
  const { apiKey } = await server.register();
  let parsed = 0;
  const { url } = await startApp(t, server.url, {}, (app) => {
    app.addHook('preParsing', async () => {
      parsed += 1;
    });
  });
  const body = JSON.stringify({ some: 'thing' });
  assert.equal((await send(`${url}/both`, { method: 'POST', body })).status, 401);
  // Even one that could not be parsed.
  assert.equal((await send(`${url}/both`, { method: 'POST', body: '{' })).status, 401);
  assert.equal(parsed, 0);
  assert.equal((await send(`${url}/both`, { method: 'POST', body, key: apiKey })).status, 200);
  assert.equal((await send(`${url}/both`, { method: 'POST', body: '{', key: apiKey })).status, 400);
});

test('no handler of a guarded route sees a credential, or an identity that the client made up', async (t) => {
  const server = await bootInksong(t);
  const { apiKey: key, accessToken: bearer } = await server.register();
  const { url } = await startApp(t, server.url);
  const forged = ['X-Inksong-User', 'evil', 'x-inksong-key-id', 'evil', 'X_INKSONG_SCHEME', 'evil', 'X-Other', 'kept'];
  const cookies = ['Cookie', 'a=b; __Host-inksong_refresh=secret; c="d=e"', 'Cookie', '__Host-inksong_refresh=secret'];
  for (const credential of [{ key }, { bearer }, { key, headers: ['Authorization', 'Basic bmFtZTpwYXNz'] }]) {
    const headers = [...forged, ...cookies, ...('headers' in credential ? credential.headers : [])];
    const { status, json, text: body } = await send(`${url}/both`, { ...credential, headers });
    assert.equal(status, 200);
    assert.doesNotMatch(body, /secret|evil|inksong/);
    for (const parsed of [json.headers, json.headersDistinct])
      assert.deepEqual(Object.keys(parsed).sort(), ['connection', 'cookie', 'host', 'x-other']);
    assert.match(json.headers.cookie, /^a=b; c="d=e"/);
    assert.deepEqual(json.rawHeaders, [
      ...['Host', new URL(url).host, 'Connection', 'close', 'X-Other', 'kept'],
      ...['Cookie', 'a=b; c="d=e"', 'Cookie', ''],
    ]);
  }
});

test('no credential reaches a log, of the app or of Inksong, whatever becomes of the question', async (t) => {
  const server = await bootInksong(t);
  const account = await server.register();
  const { url, logLines } = await startApp(t, server.url);
  const old = account.apiKey;
  const key = await rotate(server, account);
  const secrets = [old, key, account.accessToken];
  const tryAll = async (): Promise<number[]> => {
    const answers = [{ key }, { key: old }, { bearer: account.accessToken }, { key, bearer: account.accessToken }];
    return Promise.all(answers.map(async (options) => (await send(`${url}/both`, options)).status));
  };
  assert.deepEqual(await tryAll(), [200, 401, 200, 400]);
  await allow(server, account, ['192.0.2.1']);
  assert.deepEqual(await tryAll(), [403, 401, 200, 400]);
  await server.close();
  assert.deepEqual(await tryAll(), [503, 503, 503, 503]);
  const told = [...logLines, ...server.logLines].join('\n');
  assert.ok(told.includes('Inksong could not be asked'));
  for (const secret of secrets) assert.ok(!told.includes(secret.slice(8)));
});

test('a request to upgrade is judged before the connection is anybody’s', async (t) => {
  const server = await bootInksong(t);
  const { apiKey } = await server.register();
  const { url, app } = await startApp(t, server.url, {}, (app) => {
    app.get('/socket', { config: { access: 'both' } }, async (request, reply) => {
      reply.hijack();
      request.raw.socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    });
    // As @fastify/websocket does it.
    app.server.on('upgrade', (request, socket) => {
      const response = new ServerResponse(request);
      response.assignSocket(socket as never);
      response.once('finish', () => socket.end());
      app.routing(request, response);
    });
  });
  const upgrade = async (lines: string[]): Promise<string> => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const head = ['GET /socket HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket', ...lines];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    return (await buffer(socket)).toString();
  };
  assert.match(await upgrade([]), /^HTTP\/1\.1 401 /);
  assert.match(await upgrade([`X-API-Key: ${apiKey}`, 'Origin: https://app.example.com']), /^HTTP\/1\.1 403 /);
  assert.match(await upgrade([`X-API-Key: ${apiKey}`]), /^HTTP\/1\.1 101 /);
  assert.ok(app.server.listening);
});

test('an app that speaks HTTP/2 is guarded alike', async (t) => {
  const server = await bootInksong(t);
  const { apiKey, apiKeyId } = await server.register();
  const app = Fastify({ http2: true });
  await app.register(inksong, { url: server.url });
  app.get('/', { config: { access: 'both' } }, async ({ principal, headers, raw: { rawHeaders } }) => {
    return { principal, names: [Object.keys(headers), rawHeaders].flat() };
  });
  const session = connectHttp2(await app.listen({ host: '127.0.0.1', port: 0 }));
  t.after(async () => {
    session.close();
    await app.close();
  });
  const ask = async (headers: Record<string, string>): Promise<[number | undefined, string]> => {
    const stream = session.request({ ':path': '/', ...headers });
    const [{ ':status': status }] = await once(stream, 'response');
    return [status, await text(stream)];
  };
  const [status, body] = await ask({ 'x-api-key': apiKey, 'x-inksong-user': 'evil' });
  const { principal, names } = JSON.parse(body);
  assert.deepEqual([status, principal.apiKeyId], [200, apiKeyId]);
  assert.doesNotMatch(names.join(), /api-key|inksong/);
  assert.equal((await ask({}))[0], 401);
  assert.equal((await ask({ 'x-api-key': apiKey, authorization: 'Bearer a' }))[0], 400);
  assert.equal((await ask({ 'x-api-key': apiKey, origin: 'https://app.example.com' }))[0], 403);
});
