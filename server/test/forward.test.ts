import assert from 'node:assert/strict';
import { METHODS } from 'node:http';
import { test } from 'node:test';
import { operator } from '../src/auth/actor.ts';
import { requestAnswered } from '../src/http/request-log.ts';
import { type Answer, bootServer, type CallOptions, type TestAccount, type TestServer } from './boot.ts';
import { callFrom } from './call-from.ts';
import { failStatements, faults } from './database-probes.ts';
import { exchange, type RawAnswer, rawRequest } from './raw-http.ts';

/** Every question there is, with the scheme it wants; Envoy's with something behind it. */
const questions = [
  { path: '/auth/forward', wants: null },
  { path: '/auth/forward/api-key', wants: 'api_key' },
  { path: '/auth/forward/bearer', wants: 'bearer' },
  { path: '/auth/forward/nginx', wants: null },
  { path: '/auth/forward/nginx/api-key', wants: 'api_key' },
  { path: '/auth/forward/nginx/bearer', wants: 'bearer' },
  { path: '/auth/forward/envoy/orders/7', wants: null },
  { path: '/auth/forward/envoy-api-key/orders/7', wants: 'api_key' },
  { path: '/auth/forward/envoy-bearer/orders/7', wants: 'bearer' },
] as const;
const families = ['/auth/forward', '/auth/forward/nginx', '/auth/forward/envoy/orders/7'];

interface RawOptions {
  method?: string;
  lines?: readonly string[];
  body?: Buffer | string;
  /** Sent once the first bytes of the answer have come. */
  later?: string;
}

/** Sends a question byte for byte and returns its one answer. Paths are below /api/v1. */
async function ask({ url }: TestServer, path: string, options: RawOptions = {}): Promise<RawAnswer> {
  const { method = 'GET', lines = [], body = '', later } = options;
  const bytes = rawRequest(method, `/api/v1${path}`, ['Host: localhost', 'Connection: close', ...lines], body);
  const { answers, rest } = await exchange(url, bytes, {
    method,
    ...(later !== undefined && { later: Buffer.from(later) }),
  });
  const [answer, ...more] = answers;
  assert.ok(answer && more.length === 0 && rest === '', `${method} ${path}: ${answers.length} answers, then "${rest}"`);
  return answer;
}

const keyLine = ({ apiKey }: TestAccount): string => `X-API-Key: ${apiKey}`;

const identityOf = ({ headers }: Pick<Answer, 'headers'>): Record<string, string> =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('x-inksong-')));

function assertAllowed(answer: RawAnswer, account: TestAccount, what: string): void {
  assert.equal(answer.status, 200, `${what}: ${answer.body}`);
  assert.equal(answer.body.length, 0, what);
  assert.equal(identityOf(answer)['x-inksong-key-id'], account.apiKeyId, what);
}

test('a good credential of either scheme is 200 with all of the identity, no body, no cookie, and never to be stored', async (t) => {
  const server = await bootServer(t);
  const account = await server.register('zoë+x@bücher.example');
  const user = {
    'x-inksong-user': 'zo%C3%AB%2Bx%40b%C3%BCcher.example',
    'x-inksong-user-id': account.id,
  };
  const identities: Record<string, object> = {
    api_key: { ...user, 'x-inksong-scheme': 'api_key', 'x-inksong-key-id': account.apiKeyId },
    bearer: { ...user, 'x-inksong-scheme': 'bearer', 'x-inksong-key-id': '' },
  };
  const credentials: [string, CallOptions][] = [
    ['api_key', { key: account.apiKey, refreshToken: account.refreshToken }],
    ['bearer', { bearer: account.accessToken, refreshToken: account.refreshToken }],
  ];
  for (const { path, wants } of questions) {
    for (const [scheme, credential] of credentials) {
      const answer = await server.call('GET', path, credential);
      if (wants !== null && wants !== scheme) {
        assert.equal(answer.status, 403, `${path} ${scheme}`);
        assert.equal(answer.json.code, wants === 'bearer' ? 'session_required' : 'api_key_required');
        assert.equal(identityOf(answer)['x-inksong-user'], undefined);
        continue;
      }
      assert.equal(answer.status, 200, `${path} ${scheme}`);
      assert.deepEqual(identityOf(answer), identities[scheme], path);
      assert.equal(answer.bytes.length, 0);
      assert.equal(answer.headers.get('cache-control'), 'no-store');
      assert.equal(answer.headers.get('set-cookie'), null);
      assert.equal(answer.headers.get('content-length'), '0');
    }
    assert.equal((await server.call('GET', path, { refreshToken: account.refreshToken })).status, 401, path);
  }
});

test('any method that Node can read asks the same question, and is answered by the same rules', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const methods = METHODS.filter((method) => method !== 'CONNECT');
  assert.ok(methods.includes('PROPFIND') && methods.includes('QUERY') && methods.length > 30);
  for (const method of methods) {
    for (const path of families) {
      const lines = ['Content-Length: 0'];
      const allowed = await ask(server, path, { method, lines: [...lines, keyLine(account)] });
      assertAllowed(allowed, account, `${method} ${path}`);
      const refused = await ask(server, path, { method, lines });
      assert.equal(refused.status, 401, `${method} ${path}`);
      assert.match(refused.headers.get('www-authenticate') ?? '', /^Bearer/);
      assert.deepEqual(
        [...refused.headers.keys()].filter((name) => /^x-inksong-(user|scheme|key)/.test(name)),
        [],
      );
    }
  }
});

test('a body of any kind or length is neither waited for, nor parsed, nor in the way of the answer', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const large = Buffer.alloc(3 * 1024 * 1024, 'a');
  const bodies: Record<string, RawOptions> = {
    'broken JSON': { lines: ['Content-Type: application/json', 'Content-Length: 1'], body: '{' },
    'no type': { lines: ['Content-Length: 3'], body: 'abc' },
    'a broken type': { lines: ['Content-Type: ;;/', 'Content-Length: 3'], body: 'abc' },
    compressed: { lines: ['Content-Type: text/plain', 'Content-Encoding: gzip', 'Content-Length: 3'], body: 'abc' },
    large: { lines: [`Content-Length: ${large.length}`], body: large },
    'a part to come': { lines: ['Content-Length: 6'], body: 'abc', later: 'def' },
    'all of it to come': { lines: ['Content-Length: 6'], later: 'abcdef' },
    chunked: { lines: ['Transfer-Encoding: chunked'], body: '3\r\nabc\r\n0\r\n\r\n' },
    'chunks to come': { lines: ['Transfer-Encoding: chunked'], body: '3\r\nab', later: 'c\r\n0\r\n\r\n' },
    'asked to go on': { lines: ['Expect: 100-continue', 'Content-Length: 6'], later: 'abcdef' },
    'asked something strange': { lines: ['Expect: the-impossible', 'Content-Length: 0'] },
    'an upgrade': { lines: ['Upgrade: websocket', 'Content-Length: 0'] },
  };
  for (const [what, { lines = [], ...rest }] of Object.entries(bodies)) {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PROPFIND', 'QUERY']) {
      for (const path of families) {
        const answer = await ask(server, path, { method, lines: [...lines, keyLine(account)], ...rest });
        assertAllowed(answer, account, `${method} ${path} with ${what}`);
      }
    }
  }
});

test('a body that does not come does not swallow the next question on its connection', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const first = rawRequest('POST', '/api/v1/auth/forward', ['Host: a', 'Content-Length: 20', keyLine(account)]);
  const later = rawRequest('GET', '/api/v1/auth/forward', ['Host: a', keyLine(account)]);
  const { answers, rest } = await exchange(server.url, first, { later });
  // The connection is closed instead: whoever asked asks again on another.
  assert.deepEqual([answers.length, rest], [1, '']);
  assertAllowed(answers[0] as RawAnswer, account, 'the first');
  assert.equal(answers[0]?.headers.get('connection'), 'close');

  const whole = rawRequest('POST', '/api/v1/auth/forward', ['Host: a', 'Content-Length: 3', keyLine(account)], 'abc');
  const last = rawRequest('DELETE', '/api/v1/auth/forward', ['Host: a', 'Connection: close', keyLine(account)]);
  const kept = await exchange(server.url, Buffer.concat([whole, last]));
  assert.deepEqual(
    kept.answers.map(({ status }) => status),
    [200, 200],
  );
});

test('nothing in the query counts, for or against', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  for (const query of [
    '?',
    '?x=1',
    '?scheme=bearer&access=public&inksong=api-key',
    `?x-api-key=${account.apiKey}&api_key=${account.apiKey}&access_token=${account.accessToken}`,
    '?%zz=%',
    '?a=/api/v1/auth/forward/bearer',
    `?${'a'.repeat(5_000)}`,
  ]) {
    for (const { path, wants } of questions) {
      for (const method of ['GET', 'POST']) {
        assert.equal((await ask(server, path + query, { method })).status, 401, path + query);
        const withKey = await ask(server, path + query, { method, lines: [keyLine(account)] });
        assert.equal(withKey.status, wants === 'bearer' ? 403 : 200, path + query);
      }
    }
  }
});

test('behind Envoy’s prefix any path is one question, and none is an option', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  for (const path of [
    '',
    '/',
    '/api-key/x',
    '/bearer',
    '/nginx/bearer',
    '/a%20b?x=1',
    '/100%',
    '/%ff%zz',
    '/../../me',
    '//me',
    '/;a=b',
    `/${'a/'.repeat(2_000)}`,
    '/http://localhost/api/v1/me',
    '?x=/y',
  ]) {
    for (const method of ['GET', 'DELETE']) {
      const lines = [keyLine(account)];
      assertAllowed(await ask(server, `/auth/forward/envoy${path}`, { method, lines }), account, path);
      assertAllowed(await ask(server, `/auth/forward/envoy-api-key${path}`, { method, lines }), account, path);
      assert.equal((await ask(server, `/auth/forward/envoy-bearer${path}`, { method, lines })).status, 403, path);
      assert.equal((await ask(server, `/auth/forward/envoy${path}`, { method })).status, 401, path);
    }
  }
  for (const path of ['/auth/forward/other', '/auth/forwards', '/auth/forward/envoys/a', '/auth/forward/nginx/a']) {
    assert.equal((await ask(server, path, { lines: [keyLine(account)] })).status, 404, path);
  }
  const absolute = `http://other.example:8443/api/v1/auth/forward/envoy/x`;
  const request = rawRequest('PURGE', absolute, ['Host: localhost', 'Connection: close', keyLine(account)]);
  const [answer] = (await exchange(server.url, request)).answers;
  assertAllowed(answer as RawAnswer, account, absolute);
});

test('the guarded request’s method, path and query are in no log and no label of a metric', async (t) => {
  const server = await bootServer(t);
  const labels = new Set<string>();
  t.after(requestAnswered.listen(({ method, route }) => labels.add(`${method} ${route}`)));
  const account = await server.register();
  const lines = [keyLine(account)];
  await ask(server, '/auth/forward/envoy/reset/hunter2?token=hunter2', { method: 'POST', lines });
  await ask(server, '/auth/forward?token=hunter2', { lines });
  await ask(server, '/auth/forward/envoy/%zz-hunter2', { lines: ['X-API-Key: ink_wrong'] });
  assert.ok(server.logLines.some((line) => line.includes('"/api/v1/auth/forward/envoy"')));
  const asked = [...labels].filter((label) => label.includes('forward'));
  assert.deepEqual(asked, ['GET /api/v1/auth/forward/envoy', 'GET /api/v1/auth/forward']);
  assert.deepEqual(
    server.logLines.filter((line) => line.includes('hunter2')),
    [],
  );
});

test('a preflight in disguise is no way in, whatever origins are allowed to call the API', async (t) => {
  const origin = 'https://app.example.com';
  const server = await bootServer(t, { INKSONG_ALLOWED_ORIGINS: origin });
  for (const path of families) {
    for (const method of ['OPTIONS', 'GET', 'HEAD']) {
      const lines = [`Origin: ${origin}`, 'Access-Control-Request-Method: GET'];
      assert.equal((await ask(server, path, { method, lines })).status, 401, `${method} ${path}`);
    }
  }
});

test('the checks run in order: form, credential, browser, address, scheme, limit', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_API: '4/hour' });
  const account = await server.register();
  const { apiKey: key, accessToken: bearer } = account;
  const change = { json: { allowed_ips: ['127.0.0.2'] }, bearer };
  assert.equal((await server.call('PATCH', `/api-keys/${account.apiKeyId}`, change)).status, 200);
  const codeFrom = async (address: string, path: string, options: CallOptions) => {
    const { status, json } = await callFrom(address, server, 'GET', path, options);
    return json === null ? status : json.code;
  };
  const [outside, inside] = ['127.0.0.3', '127.0.0.2'];
  const page = { 'Sec-Fetch-Site': 'same-site' };
  for (const [path, ofBearer] of [
    ['/auth/forward', '/auth/forward/bearer'],
    ['/auth/forward/nginx', '/auth/forward/nginx/bearer'],
    ['/auth/forward/envoy/x', '/auth/forward/envoy-bearer/x'],
  ] as const) {
    assert.equal(await codeFrom(outside, ofBearer, { key, bearer, headers: page }), 'invalid_request');
    assert.equal(await codeFrom(outside, ofBearer, { key: 'ink_wrong', headers: page }), 'invalid_credentials');
    assert.equal(await codeFrom(outside, ofBearer, { key, headers: page }), 'key_in_browser');
    assert.equal(
      await codeFrom(outside, ofBearer, { key, headers: { Origin: 'https://a.example' } }),
      'key_in_browser',
    );
    assert.equal(await codeFrom(outside, ofBearer, { key }), 'address_not_allowed');
    assert.equal(await codeFrom(inside, ofBearer, { key }), 'session_required');
    assert.equal(
      await codeFrom(outside, path, { bearer, headers: page }),
      path === '/auth/forward' ? 200 : 'rate_limited',
    );
    assert.equal(await codeFrom(inside, path, { key }), 'rate_limited');
  }
  await server.services.events.flush();
  const kinds = await server.services.database.query.selectFrom('events').select('kind').distinct().execute();
  for (const kind of ['key_in_browser', 'address_refused', 'limit_reached'])
    assert.ok(
      kinds.some((event) => event.kind === kind),
      kind,
    );
});

test('a question counts into the account’s limit and usage as any other call; a refused address costs no quota', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_API: '6/hour' });
  const { apiKey: key, accessToken: bearer, apiKeyId } = await server.register();
  const patched = await server.call('PATCH', `/api-keys/${apiKeyId}`, { bearer, json: { allowed_ips: ['127.0.0.2'] } });
  assert.match(patched.headers.get('ratelimit') ?? '', /r=3;/);
  for (let count = 0; count < 10; count++) await callFrom('127.0.0.3', server, 'GET', '/auth/forward', { key });
  const left: string[] = [];
  for (const path of [...families, ...families]) {
    const { status, headers } = await callFrom('127.0.0.2', server, 'GET', path, { key });
    left.push(`${status} ${/r=\d+/.exec(headers.get('ratelimit') ?? '')?.[0]} ${headers.has('retry-after')}`);
  }
  assert.deepEqual(left, [
    '200 r=2 false',
    '200 r=1 false',
    '200 r=0 false',
    '429 r=0 true',
    '403 r=0 true',
    '429 r=0 true',
  ]);
  await server.services.usage.flush();
  const rows = await server.services.database.query.selectFrom('usage_days').selectAll().execute();
  const counts = rows.filter(({ scheme }) => scheme === 'api_key').map(({ outcome, count }) => `${outcome} ${count}`);
  assert.deepEqual(counts.sort(), ['refused 13', 'success 3']);
});

test('for nginx every refusal is 401 or 403 and names its code in X-Inksong-Reason', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_API: '3/hour' });
  const account = await server.register();
  const { apiKey: key, accessToken: bearer } = account;
  const path = '/auth/forward/nginx';
  const reasonOf = async (options: CallOptions, at = path) => {
    const { status, headers, json } = await server.call('GET', at, options);
    return [status, headers.get('x-inksong-reason'), json?.code];
  };
  assert.deepEqual(await reasonOf({}), [401, 'invalid_credentials', 'invalid_credentials']);
  assert.deepEqual(await reasonOf({ key, bearer }), [403, 'invalid_request', 'invalid_request']);
  assert.deepEqual(await reasonOf({ headers: { Authorization: 'Bearer' } }), [
    403,
    'invalid_request',
    'invalid_request',
  ]);
  assert.deepEqual(await reasonOf({ key }, `${path}/bearer`), [403, 'session_required', 'session_required']);
  assert.deepEqual(await reasonOf({ bearer }, `${path}/api-key`), [403, 'api_key_required', 'api_key_required']);
  const fromPage = { key, headers: { Origin: 'null' } };
  assert.deepEqual(await reasonOf(fromPage), [403, 'key_in_browser', 'key_in_browser']);
  assert.deepEqual(await reasonOf({ key }), [200, null, undefined]);
  assert.deepEqual(await reasonOf({ key }), [403, 'rate_limited', 'rate_limited']);
  const twoHosts = await ask(server, path, { lines: ['Host: other', keyLine(account)] });
  assert.equal(twoHosts.status, 403);
});

test('an outage stays a failure for every proxy: 503, never 401 and never a way in', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  for (const path of families) assertAllowed(await ask(server, path, { lines: [keyLine(account)] }), account, path);
  const fault = failStatements(t, faults.unreadable);
  for (const { path } of questions) {
    for (const options of [{ key: account.apiKey }, { bearer: account.accessToken }]) {
      const answer = await server.call('GET', path, options);
      assert.equal(answer.status, 503, path);
      assert.deepEqual(
        Object.keys(identityOf(answer)).filter((name) => name !== 'x-inksong-reason'),
        [],
      );
    }
  }
  fault.restore();
  for (const path of families) assertAllowed(await ask(server, path, { lines: [keyLine(account)] }), account, path);
});

test('a rotation, a logout, a disabled account and a changed allowlist are in force on the next question, on every node', async (t) => {
  const first = await bootServer(t);
  const second = await bootServer(t, { INKSONG_DATA_DIR: first.config.dataDirectory });
  const statuses = async (options: CallOptions) => {
    const answers = [];
    for (const server of [second, first]) for (const path of families) answers.push(server.call('GET', path, options));
    return [...new Set((await Promise.all(answers)).map(({ status }) => status))];
  };
  const { id, apiKeyId, apiKey, accessToken: bearer } = await first.register();
  assert.deepEqual(await statuses({ key: apiKey }), [200]);
  const rotated = await first.services.apiKeys.rotate(id, apiKeyId, null, operator);
  assert.deepEqual(await statuses({ key: apiKey }), [401]);
  const key = rotated.secret;
  assert.deepEqual(await statuses({ key }), [200]);
  await first.call('PATCH', `/api-keys/${apiKeyId}`, { bearer, json: { allowed_ips: ['192.0.2.1'] } });
  assert.deepEqual(await statuses({ key }), [403]);
  await first.call('PATCH', `/api-keys/${apiKeyId}`, { bearer, json: { allowed_ips: null } });
  assert.deepEqual(await statuses({ key }), [200]);
  assert.deepEqual(await statuses({ bearer }), [200]);
  await first.call('POST', '/auth/logout', { bearer });
  assert.deepEqual(await statuses({ bearer }), [401]);
  await first.services.accounts.disable(id);
  assert.deepEqual(await statuses({ key }), [401]);
});

test('the address that is judged is the client’s as a trusted proxy tells it, never what the client made up', async (t) => {
  const server = await bootServer(t, {
    INKSONG_TRUSTED_PROXIES: '127.0.0.1',
    INKSONG_PUBLIC_URL: 'https://api.example.com',
  });
  const { id, apiKeyId, apiKey: key } = await server.register();
  const allowed = '192.0.2.7';
  await server.services.apiKeys.update(id, apiKeyId, { allowed_ips: [allowed] }, operator);
  const statusOf = async (from: string, path: string, headers: Record<string, string>) =>
    (await callFrom(from, server, 'GET', path, { key, headers })).status;
  for (const path of families) {
    const proxied = (forwardedFor: string, more = {}) =>
      statusOf('127.0.0.1', path, { 'X-Forwarded-For': forwardedFor, ...more });
    assert.equal(await proxied(allowed), 200);
    assert.equal(await proxied(`203.0.113.9, ${allowed}`), 200);
    assert.equal(await proxied(`${allowed}, 203.0.113.9`), 403);
    assert.equal(await proxied('203.0.113.9', { 'X-Real-IP': allowed, Forwarded: `for=${allowed}` }), 403);
    assert.equal(await proxied('unknown'), 403);
    assert.equal(await statusOf('127.0.0.1', path, {}), 403, 'the proxy itself is not on the list');
    assert.equal(await statusOf('127.0.0.5', path, { 'X-Forwarded-For': allowed }), 403, 'no proxy of ours');
    // A key that came over plain http can have been read.
    const plain = { 'X-Forwarded-For': allowed, 'X-Forwarded-Proto': 'http' };
    const refused = await callFrom('127.0.0.1', server, 'GET', path, { key, headers: plain });
    assert.deepEqual([refused.status, refused.json.code], [403, 'https_required']);
    assert.doesNotMatch(refused.json.detail, /api\.example\.com/, 'which is not where the guarded service is');
  }
});

test('Envoy’s ext_authz over HTTP, replayed, not run: its method, path and query behind the prefix, and a few headers', async (t) => {
  const server = await bootServer(t, { INKSONG_TRUSTED_PROXIES: '127.0.0.1' });
  const account = await server.register();
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']) {
    const request = (lines: string[]) =>
      ask(server, '/auth/forward/envoy/orders/a%2Fb?x=1&y=%20', {
        method,
        lines: ['Content-Length: 0', 'x-envoy-internal: true', 'x-forwarded-for: 192.0.2.7', ...lines],
      });
    // It lets through on 200 alone and looks for what it adds among the answer's headers.
    assertAllowed(await request([`x-api-key: ${account.apiKey}`]), account, method);
    assert.equal((await request([`authorization: Bearer ${account.accessToken}`])).status, 200, method);
    assert.equal((await request([])).status, 401, method);
    assert.equal((await request([`x-api-key: ${account.apiKey}`, 'sec-fetch-site: none'])).status, 403, method);
  }
});

test('Traefik’s ForwardAuth, replayed, not run: a GET with the original request in X-Forwarded-*', async (t) => {
  const server = await bootServer(t, { INKSONG_TRUSTED_PROXIES: '127.0.0.1' });
  const account = await server.register();
  for (const method of ['GET', 'POST', 'PROPFIND']) {
    const request = (lines: string[]) =>
      ask(server, '/auth/forward', {
        lines: [
          'User-Agent: curl/7.88.1',
          'Content-Type: application/json',
          'Content-Encoding: gzip',
          'Accept-Encoding: gzip',
          'X-Inksong-User: evil',
          `X-Forwarded-Method: ${method}`,
          'X-Forwarded-Proto: https',
          'X-Forwarded-Host: orders.example.com',
          'X-Forwarded-Uri: /orders/a%2Fb?x=1',
          'X-Forwarded-For: 192.0.2.7',
          ...lines,
        ],
      });
    const allowed = await request([keyLine(account)]);
    assertAllowed(allowed, account, method);
    assert.equal(allowed.headers.get('x-inksong-user'), encodeURIComponent(account.email));
    const refused = await request([]);
    assert.equal(refused.status, 401);
    assert.equal(refused.headers.get('set-cookie'), null);
  }
});
