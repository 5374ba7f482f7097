import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from '../src/config/config.ts';
import { type Answer, bootServer, type TestServer } from './boot.ts';

const listed = 'https://app.example.com';
const alsoListed = 'http://localhost:5173';
const environment = { INKSONG_ALLOWED_ORIGINS: `${listed}, ${alsoListed}` };

/** Each differs from a listed origin in one way that a careless comparison would miss. */
const hostileOrigins = [
  'null',
  '*',
  'https://evil.example',
  'https://app.example.com.evil.example',
  'https://evil-app.example.com',
  'https://app.example.co',
  'https://app.example.com:8443',
  'http://app.example.com',
  'https://APP.example.com',
  'https://app.example.com/',
  'https://example.com',
  'http://localhost:5174',
  `${listed}, https://evil.example`,
];

const corsHeaders = (answer: Answer): string[] =>
  [...answer.headers.keys()].filter((name) => name.startsWith('access-control-'));

/** Every route below /api/v1 with an id that names nothing. */
function apiRoutes(server: TestServer): { method: string; path: string; access: string }[] {
  return server.app.routeTable
    .filter(({ url }) => url.startsWith('/api/v1/'))
    .map(({ method, url, access }) => ({ method, access, path: url.replace(/:\w+/g, `doc_${'0'.repeat(32)}`) }));
}

const preflight = (server: TestServer, path: string, Origin: string, method: string) =>
  server.call('OPTIONS', path, {
    headers: {
      Origin,
      'Access-Control-Request-Method': method,
      'Access-Control-Request-Headers': 'authorization,content-type',
    },
  });

test('a page of a listed origin may call the API with the cookie and read what it needs; one of any other may not', async (t) => {
  const server = await bootServer(t, environment);
  const { accessToken } = await server.register();
  for (const Origin of [listed, alsoListed]) {
    for (const [path, status] of [
      ['/me', 200],
      ['/documents/doc_0', 404],
      ['/api/v1/nothing', 404],
    ] as const) {
      const answer = await server.call('GET', path, { bearer: accessToken, headers: { Origin } });
      assert.equal(answer.status, status);
      assert.equal(answer.headers.get('access-control-allow-origin'), Origin);
      assert.equal(answer.headers.get('access-control-allow-credentials'), 'true');
      assert.equal(
        answer.headers.get('access-control-expose-headers'),
        'ETag, Location, Link, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id',
      );
      assert.match(answer.headers.get('vary') ?? '', /\bOrigin\b/);
    }
    const refused = await server.call('GET', '/me', { headers: { Origin } });
    assert.equal(refused.status, 401);
    assert.equal(refused.headers.get('access-control-allow-origin'), Origin, 'a page must be able to read why');
  }
  for (const Origin of hostileOrigins) {
    for (const path of ['/me', '/api/v1/nothing']) {
      const answer = await server.call('GET', path, { bearer: accessToken, headers: { Origin } });
      assert.deepEqual(corsHeaders(answer), [], `${Origin} ${path}`);
      assert.match(answer.headers.get('vary') ?? '', /\bOrigin\b/, 'no cache may mix the two up');
    }
    const asked = await preflight(server, '/me', Origin, 'GET');
    assert.deepEqual(corsHeaders(asked), [], Origin);
    assert.equal(asked.status, 405);
  }
  const outside = await server.call('GET', '/healthz', { headers: { Origin: listed } });
  assert.deepEqual(corsHeaders(outside), []);
});

test('without INKSONG_ALLOWED_ORIGINS no page of another origin may do anything, that of the public URL included', async (t) => {
  const server = await bootServer(t);
  const { accessToken } = await server.register();
  for (const Origin of [listed, server.config.publicUrl, ...hostileOrigins]) {
    const answer = await server.call('GET', '/me', { bearer: accessToken, headers: { Origin } });
    assert.deepEqual(corsHeaders(answer), [], Origin);
    assert.deepEqual(corsHeaders(await preflight(server, '/me', Origin, 'GET')), [], Origin);
  }
});

test('a preflight of a listed origin is answered on every API route without a credential, and never allows X-API-Key', async (t) => {
  const server = await bootServer(t, environment);
  // What a proxy is asked by a page's preflight is a question like any other: see forward.test.ts.
  for (const { method, path } of apiRoutes(server).filter((route) => !route.path.includes('/auth/forward'))) {
    const answer = await preflight(server, path, listed, method);
    const where = `${method} ${path}`;
    assert.equal(answer.status, 204, where);
    assert.equal(answer.bytes.length, 0);
    assert.equal(answer.headers.get('access-control-allow-origin'), listed);
    assert.equal(answer.headers.get('access-control-allow-credentials'), 'true');
    const methods = (answer.headers.get('access-control-allow-methods') ?? '').split(', ');
    assert.ok(methods.includes(method), `${where}: ${methods}`);
    assert.equal(
      answer.headers.get('access-control-allow-headers'),
      'Authorization, Content-Type, If-Match, If-None-Match, Range, Idempotency-Key',
    );
    assert.equal(answer.headers.get('access-control-max-age'), '600');
    assert.match(answer.headers.get('vary') ?? '', /\bOrigin\b/);
  }
});

test('OPTIONS that is no preflight is no way around 404 and 405, and Allow stays right', async (t) => {
  const server = await bootServer(t, environment);
  assert.equal((await preflight(server, '/api/v1/nothing', listed, 'GET')).status, 404);
  assert.equal((await preflight(server, '/api/v1/*', listed, 'GET')).status, 404);
  assert.equal((await preflight(server, '/healthz', listed, 'GET')).status, 405);
  for (const headers of [{}, { Origin: listed }, { Origin: 'https://evil.example' }]) {
    const answer = await server.call('OPTIONS', '/documents/', { headers });
    assert.equal(answer.status, 405, JSON.stringify(headers));
    assert.equal(answer.headers.get('allow'), 'GET, HEAD, POST');
    const withBody = await server.call('OPTIONS', '/documents/', {
      headers: { ...headers, 'Content-Type': 'application/json' },
      body: '{',
    });
    assert.equal(withBody.status, 405);
    assert.equal((await server.call('OPTIONS', '/api/v1/nothing', { headers })).status, 404);
  }
  const deleted = await server.call('DELETE', '/documents/', { headers: { Origin: listed } });
  assert.equal(deleted.headers.get('allow'), 'GET, HEAD, POST');
});

test('only pages of this origin and of listed ones may use the sign-in cookie', async (t) => {
  const server = await bootServer(t, environment);
  const account = await server.register();
  const own = server.config.publicUrl;
  const allowed: Record<string, string>[] = [
    {},
    { 'Sec-Fetch-Site': 'same-origin' },
    { 'Sec-Fetch-Site': 'same-origin', Origin: own },
    { Origin: own },
    { Origin: listed },
    { 'Sec-Fetch-Site': 'cross-site', Origin: listed },
    { 'Sec-Fetch-Site': 'same-site', Origin: alsoListed },
  ];
  const refused: Record<string, string>[] = [
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
    { 'Sec-Fetch-Site': 'cross-site', Origin: own },
    { 'Sec-Fetch-Site': 'same-site', Origin: own },
    { 'Sec-Fetch-Site': 'none', Origin: listed },
    { 'Sec-Fetch-Site': 'none' },
    { 'Sec-Fetch-Site': 'same-origin, cross-site' },
    { 'Sec-Fetch-Site': '' },
    ...hostileOrigins.flatMap((Origin) => [{ Origin }, { 'Sec-Fetch-Site': 'same-site', Origin }]),
  ];
  let { refreshToken } = account;
  const signIn = { email: account.email, password: account.password };
  for (const headers of refused) {
    for (const path of ['/auth/refresh', '/auth/logout', '/auth/login', '/auth/register']) {
      const json = path.endsWith('login') || path.endsWith('register') ? signIn : undefined;
      const answer = await server.call('POST', path, { refreshToken, headers, ...(json && { json }) });
      assert.equal(answer.status, 403, `${path} ${JSON.stringify(headers)}`);
      assert.equal(answer.json.code, 'origin_not_allowed');
      assert.equal(answer.headers.get('set-cookie'), null);
    }
  }
  for (const headers of allowed) {
    const answer = await server.call('POST', '/auth/refresh', { refreshToken, headers });
    assert.equal(answer.status, 200, JSON.stringify(headers));
    refreshToken = answer.refreshToken ?? '';
  }
  assert.equal((await server.call('GET', '/me', { bearer: account.accessToken })).status, 200, 'nobody was signed out');
});

test('C09 a form of another site changes nothing, whichever of the three types it sends and whoever is signed in', async (t) => {
  const server = await bootServer(t, environment);
  const { refreshToken, accessToken, apiKeyId } = await server.register();
  const Cookie = `__Host-inksong_refresh=${refreshToken}`;
  const asked = ['/auth/login', '/auth/register', '/auth/refresh', '/auth/logout', `/api-keys/${apiKeyId}/rotate`];
  const types = ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain'];
  const before = await everything(server);
  for (const path of asked) {
    for (const type of types) {
      for (const site of [
        { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' },
        { Origin: 'https://evil.example' },
        { Origin: 'null', 'Sec-Fetch-Site': 'cross-site' },
      ]) {
        const answer = await server.call('POST', path, {
          headers: { ...site, Cookie, 'Content-Type': type },
          body: '{"email":"you@example.com","password":"five unrelated words do well"}',
        });
        const expected = path.startsWith('/api-keys/') ? 401 : 403;
        assert.equal(answer.status, expected, `${path} ${type} ${JSON.stringify(site)}`);
        assert.equal(answer.headers.get('set-cookie'), null);
        assert.deepEqual(corsHeaders(answer), []);
      }
    }
  }
  // Were the origin check not there, the content type would still stop them: no form can send JSON.
  for (const path of asked) {
    for (const type of types) {
      const answer = await server.call('POST', path, {
        headers: { Cookie, 'Content-Type': type },
        bearer: accessToken,
        body: '{"email":"you@example.com","password":"five unrelated words do well"}',
      });
      assert.equal(answer.status, 415, `${path} ${type}`);
    }
  }
  assert.equal(await everything(server), before);
});

/** What a forged request could have changed. */
async function everything({ services: { database } }: TestServer): Promise<string> {
  const [keys, tokens, accounts] = await Promise.all([
    database.query.selectFrom('api_keys').select(['hash', 'rotated_at']).execute(),
    database.query.selectFrom('refresh_tokens').select(['hash', 'used_at']).execute(),
    database.query.selectFrom('accounts').select(['id', 'email', 'password_hash']).execute(),
  ]);
  return JSON.stringify([keys, tokens, accounts]);
}

test('a good key sent by a page is refused on every route, and the page is told why', async (t) => {
  const server = await bootServer(t, environment);
  const { apiKey } = await server.register();
  const routes = apiRoutes(server).filter(({ access }) => access !== 'public' && access !== 'refresh-cookie');
  assert.ok(routes.some(({ method }) => method === 'HEAD') && routes.some(({ path }) => path.endsWith('/content')));
  for (const { method, path } of routes) {
    for (const headers of [
      { Origin: 'https://evil.example' },
      { Origin: listed },
      { Origin: server.config.publicUrl },
      { Origin: 'null' },
      { Origin: '' },
      { 'Sec-Fetch-Site': 'same-origin' },
      { 'Sec-Fetch-Site': 'none' },
      { 'Sec-Fetch-Site': 'cross-site', Origin: listed },
    ]) {
      const answer = await server.call(method, path, { key: apiKey, headers });
      const where = `${method} ${path} ${JSON.stringify(headers)}`;
      assert.equal(answer.status, 403, where);
      if (method === 'HEAD') continue;
      assert.equal(answer.json.code, 'key_in_browser', where);
      assert.match(answer.json.detail, /page.*server.*rotate/);
    }
  }
});

test('a key is judged before the place it is used in: form, then verification, then the page, then access', async (t) => {
  const server = await bootServer(t);
  const { apiKey, accessToken } = await server.register();
  const headers = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' };
  const code = async (path: string, options: { key?: string; bearer?: string }) =>
    (await server.call('GET', path, { ...options, headers })).json.code;
  assert.equal(await code('/me', { key: apiKey, bearer: accessToken }), 'invalid_request');
  assert.equal(await code('/me', { key: `ink_${'0'.repeat(48)}` }), 'invalid_credentials');
  assert.equal(await code('/api-keys/', { key: apiKey }), 'key_in_browser');
  assert.equal(await code('/documents/?limit=0', { key: apiKey }), 'key_in_browser');
  assert.equal(await code('/me', { bearer: accessToken }), undefined);
});

test('servers may send what Node’s own fetch sends along', async (t) => {
  const server = await bootServer(t);
  const { apiKey } = await server.register();
  const answer = await server.call('GET', '/me', {
    key: apiKey,
    headers: { 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Dest': 'empty', Referer: 'https://example.com/' },
  });
  assert.equal(answer.status, 200);
});

test('a key seen in a page leaves one event with a count, for the owner to see', async (t) => {
  const server = await bootServer(t);
  const { apiKey, id, apiKeyId } = await server.register();
  for (let count = 0; count < 3; count++) {
    await server.call('GET', '/me', { key: apiKey, headers: { Origin: 'https://evil.example' } });
  }
  await server.call('GET', '/me', { key: `ink_${'0'.repeat(48)}`, headers: { Origin: 'https://evil.example' } });
  const seen = () =>
    server.services.database.query.selectFrom('events').selectAll().where('kind', '=', 'key_in_browser').execute();
  assert.deepEqual(await seen(), [], 'a refused request writes nothing');
  await server.services.events.flush();
  const [event, ...others] = await seen();
  assert.deepEqual(others, []);
  assert.equal(event?.account_id, id);
  assert.equal(event?.api_key_id, apiKeyId);
  assert.equal(event?.count, 3);
});

test('INKSONG_ALLOWED_ORIGINS takes exact origins alone', () => {
  const origins = (value: string) => readConfig({ INKSONG_ALLOWED_ORIGINS: value }).allowedOrigins;
  assert.deepEqual(origins(''), []);
  assert.deepEqual(origins(`${listed},${alsoListed}`), [listed, alsoListed]);
  assert.deepEqual(origins(' https://a.example , https://b.example:8443 '), [
    'https://a.example',
    'https://b.example:8443',
  ]);
  assert.deepEqual(origins('http://127.0.0.1:3000,http://[::1]:3000'), ['http://127.0.0.1:3000', 'http://[::1]:3000']);
  for (const value of [
    '*',
    'null',
    'https://*.example.com',
    'https://app.example.com/',
    'https://app.example.com/path',
    'https://app.example.com?x',
    'https://user@app.example.com',
    'https://app.example.com:443',
    'https://APP.example.com',
    'http://app.example.com',
    'http://10.0.0.1',
    'app.example.com',
    'file:///x',
    'https://a.example https://b.example',
    'https://a.example,',
  ]) {
    assert.throws(() => origins(value), /INKSONG_ALLOWED_ORIGINS must list origins/, value);
  }
});
