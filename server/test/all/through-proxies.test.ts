import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { freePort } from '../../src/free-port.ts';
import { bootServer, type TestServer } from '../boot.ts';
import { fileForm } from '../documents-upload.ts';
import {
  ask,
  askProxy,
  type ProxiedAnswer,
  type ProxiedRequest,
  type ProxyName,
  proxyNames,
  startProxy,
} from './proxies.ts';
import { proxySamples } from './proxy-samples.ts';

/** Where clients ask from unless a test says otherwise; the proxies are on 127.0.0.1. */
const client = '127.0.1.7';

interface Behind {
  server: TestServer;
  /** Below /api/v1, or an absolute path. */
  through: (method: string, path: string, rest?: Omit<ProxiedRequest, 'method' | 'path'>) => Promise<ProxiedAnswer>;
  /** The same, asked of the server itself. */
  directly: Behind['through'];
}

/** Starts a server and a proxy in front of it, both by the page, but for sign-up, which is open. */
async function behind(t: TestContext, name: ProxyName, settings: Record<string, string> = {}): Promise<Behind> {
  const server = await bootServer(t, { ...proxySamples.env, INKSONG_SIGNUP: 'open', ...settings });
  const replace = { '127.0.0.1:8080': new URL(server.url).host };
  const port = await startProxy(t, name, proxySamples.outermost[name], { replace });
  const target = (path: string) => (/^\/(api)?\//.test(path) ? path : `/api/v1${path}`);
  return {
    server,
    through: (method, path, rest) => askProxy(port, { from: client, ...rest, method, path: target(path) }),
    directly: (method, path, rest) => ask(server.url, { from: client, ...rest, method, path: target(path) }),
  };
}

const json = (value: unknown, headers: Record<string, string> = {}) => ({
  headers: { 'Content-Type': 'application/json', ...headers },
  body: JSON.stringify(value),
});
const codeOf = ({ status, json: problem }: ProxiedAnswer): [number, string | undefined] => [status, problem?.code];

for (const name of proxyNames) {
  test(`through ${name} a key is let in, refused by address, and refused from the next request on once it is rotated`, async (t) => {
    const { server, through } = await behind(t, name);
    const account = await server.register();
    const bearer = { Authorization: `Bearer ${account.accessToken}` };
    const key = { 'X-API-Key': account.apiKey };
    const path = `/api-keys/${account.apiKeyId}`;
    assert.equal((await through('GET', '/documents/', { headers: key })).status, 200);
    assert.equal((await through('GET', '/documents/', { headers: bearer })).status, 200);

    // Not the proxy's address, which every client would pass by if it were taken for theirs.
    const others = await through('PATCH', path, json({ allowed_ips: ['127.0.0.1', '127.0.1.6'] }, bearer));
    assert.equal(others.status, 200, `${others.bytes}`);
    const refused = await through('GET', '/documents/', { headers: key });
    assert.deepEqual(codeOf(refused), [403, 'address_not_allowed']);
    assert.match(refused.json.detail, /127\.0\.1\.7\b/);
    assert.equal((await through('GET', '/documents/', { headers: key, from: '127.0.1.6' })).status, 200);
    assert.equal((await through('GET', '/documents/', { headers: bearer })).status, 200, 'a session is not concerned');
    await through('PATCH', path, json({ allowed_ips: [client] }, bearer));
    assert.equal((await through('GET', '/documents/', { headers: key })).status, 200);

    let current = account.apiKey;
    for (let round = 0; round < 10; round++) {
      const rotated = await through('POST', `${path}/rotate`, { headers: bearer });
      assert.equal(rotated.status, 200, `${rotated.bytes}`);
      const old = await through('GET', '/documents/', { headers: { 'X-API-Key': current } });
      assert.deepEqual(codeOf(old), [401, 'invalid_credentials']);
      assert.equal(old.headers['www-authenticate'], 'Bearer realm="inksong"');
      current = rotated.json.api_key;
      assert.equal((await through('GET', '/documents/', { headers: { 'X-API-Key': current } })).status, 200);
    }
  });

  test(`through ${name} a throttled client is told so and for how long, and no other client is`, async (t) => {
    const { server, through } = await behind(t, name, {
      INKSONG_RATE_LIMIT_API: '3/min',
      INKSONG_RATE_LIMIT_AUTH: '3/min',
    });
    const accounts = [await server.register(), await server.register()] as const;
    await server.services.database.query.deleteFrom('limit_counters').execute();
    const seconds = (answer: ProxiedAnswer) => Number(answer.headers['retry-after']);
    const checkRefusal = (answer: ProxiedAnswer, limit: string) => {
      assert.deepEqual(codeOf(answer), [429, 'rate_limited']);
      assert.ok(seconds(answer) >= 1 && seconds(answer) <= 60, `${answer.headers['retry-after']}`);
      assert.equal(answer.headers.ratelimit, `"${limit}";r=0;t=${seconds(answer)}`);
      assert.equal(answer.headers['ratelimit-policy'], `"${limit}";q=3;w=60`);
    };
    const knock = (from: string) => through('POST', '/auth/login', { ...json({}), from });
    for (let count = 0; count < 3; count++) assert.equal((await knock(client)).status, 422);
    checkRefusal(await knock(client), 'auth');
    assert.equal((await knock('127.0.1.8')).status, 422);

    const list = ({ apiKey }: { apiKey: string }) =>
      through('GET', '/documents/', { headers: { 'X-API-Key': apiKey } });
    // Registering has asked for two of the three.
    assert.equal((await list(accounts[0])).status, 200);
    checkRefusal(await list(accounts[0]), 'api');
    assert.equal((await list(accounts[1])).status, 200);
  });

  test(`through ${name} a request with two credentials is refused, and a refresh cookie beside one is none`, async (t) => {
    const { server, through } = await behind(t, name);
    const account = await server.register();
    const [key, bearer] = [account.apiKey, `Bearer ${account.accessToken}`];
    const twofold: Record<string, string[]> = {
      'both headers': ['X-API-Key', key, 'Authorization', bearer],
      'the other order': ['Authorization', bearer, 'X-API-Key', key],
      'two keys': ['X-API-Key', key, 'X-API-Key', key],
      'a key and a wrong one': ['X-API-Key', key, 'x-api-key', 'wrong'],
      'two tokens': ['Authorization', bearer, 'Authorization', bearer],
      'two tokens in one': ['Authorization', `${bearer} ${account.accessToken}`],
    };
    for (const [what, headers] of Object.entries(twofold)) {
      const answer = await through('GET', '/documents/', { headers });
      // nginx itself refuses a second Authorization.
      const isOwn = name === 'nginx' && what === 'two tokens';
      assert.deepEqual(codeOf(answer), [400, isOwn ? undefined : 'invalid_request'], what);
    }
    const cookie = `__Host-inksong_refresh=${account.refreshToken}`;
    const asked = async (headers: Record<string, string>) => (await through('GET', '/me', { headers })).status;
    assert.equal(await asked({ Cookie: cookie }), 401);
    assert.equal(await asked({ Cookie: cookie, Authorization: bearer }), 200);
    assert.equal(await asked({ Cookie: cookie, 'X-API-Key': key }), 200);
    assert.equal(await asked({ Cookie: cookie, 'X-API-Key': 'wrong' }), 401);
  });

  test(`through ${name} the refresh cookie is set with every attribute, replaced, and cleared`, async (t) => {
    const { server, through } = await behind(t, name);
    const { email, password } = await server.register();
    const attributes = 'HttpOnly; Secure; SameSite=Strict; Path=/; Max-Age=2592000';
    const cookieOf = (answer: ProxiedAnswer): string => {
      const [line = '', ...others] = answer.headers['set-cookie'] ?? [];
      assert.deepEqual([others, line.replace(/=[^;]*; /, '; ')], [[], `__Host-inksong_refresh; ${attributes}`]);
      return line.split(';', 1)[0] ?? '';
    };
    const fromOurPage = { 'Sec-Fetch-Site': 'same-origin', Origin: 'https://api.example.com' };
    const signedIn = await through('POST', '/auth/login', json({ email, password }, fromOurPage));
    assert.equal(signedIn.status, 200, `${signedIn.bytes}`);
    const first = cookieOf(signedIn);
    const refreshed = await through('POST', '/auth/refresh', { headers: { ...fromOurPage, Cookie: first } });
    assert.equal(refreshed.status, 200, `${refreshed.bytes}`);
    const second = cookieOf(refreshed);
    assert.notEqual(second, first);
    const foreign = { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://elsewhere.example', Cookie: second };
    assert.equal((await through('POST', '/auth/refresh', { headers: foreign })).status, 403);
    const out = await through('POST', '/auth/logout', { headers: { ...fromOurPage, Cookie: second } });
    assert.equal(out.status, 204);
    assert.equal(out.headers['clear-site-data'], '"storage"');
    assert.match(out.headers['set-cookie']?.[0] ?? '', /^__Host-inksong_refresh=; .*Max-Age=0/);
    assert.equal((await through('POST', '/auth/refresh', { headers: { Cookie: second } })).status, 401);
  });

  test(`through ${name} documents of 25 MiB come and go whole, in chunks too, and one byte more is refused`, async (t) => {
    const { server, through } = await behind(t, name);
    const { apiKey } = await server.register();
    const key = { 'X-API-Key': apiKey };
    const bytes = randomBytes(25 * 1024 * 1024);
    const upload = async (content: Uint8Array<ArrayBuffer>, chunked: boolean) => {
      const form = new Response(fileForm(content));
      const headers = { ...key, 'Content-Type': form.headers.get('content-type') ?? '' };
      const body = Buffer.from(await form.arrayBuffer());
      return through('POST', '/documents/', { headers, body: chunked ? Readable.from(inPieces(body)) : body });
    };
    const stored = await upload(bytes, true);
    assert.equal(stored.status, 201, `${stored.bytes}`);
    assert.deepEqual([stored.json.size, stored.json.sha256], [bytes.length, hash('sha256', bytes, 'hex')]);
    const path = `/documents/${stored.json.id}/content`;
    const whole = await through('GET', path, { headers: key });
    assert.ok(whole.bytes.equals(bytes));
    assert.equal(whole.headers['content-length'], `${bytes.length}`);
    const part = await through('GET', path, { headers: { ...key, Range: 'bytes=1000000-1999999' } });
    assert.equal(part.status, 206);
    assert.ok(part.bytes.equals(bytes.subarray(1_000_000, 2_000_000)));
    const same = { headers: { ...key, 'If-None-Match': `${whole.headers.etag}` } };
    assert.equal((await through('GET', path, same)).status, 304);
    const head = await through('HEAD', path, { headers: key });
    assert.deepEqual(
      [head.status, head.headers['content-length'], head.headers.etag, head.bytes.length],
      [200, `${bytes.length}`, whole.headers.etag, 0],
    );
    const larger = Buffer.concat([bytes, Buffer.of(0)]);
    for (const chunked of [false, true]) {
      assert.deepEqual(codeOf(await upload(larger, chunked)), [413, 'content_too_large'], `chunked: ${chunked}`);
    }
    assert.equal((await through('GET', '/documents/', { headers: key })).json.items.length, 1);
  });

  test(`through ${name} methods, paths and queries are answered as the server itself answers them`, async (t) => {
    const { server, through, directly } = await behind(t, name);
    const { apiKey } = await server.register();
    const key = { 'X-API-Key': apiKey };
    const title = 'a/b?c&d=é +%';
    const stored = await directly('POST', '/documents/', json({ title, content: 'x' }, key));
    const id: string = stored.json.id;
    for (let count = 0; count < 2; count++) {
      await directly('POST', '/documents/', json({ title: `other ${count}`, content: 'x' }, key));
    }

    const asked: [method: string, path: string][] = [];
    for (const method of methods) {
      for (const path of ['/me', '/documents/', `/documents/${id}`, '/nothing']) asked.push([method, path]);
    }
    for (const path of oddPaths(id, title)) asked.push(['GET', path]);
    const differences: Record<string, unknown> = {};
    for (const [method, path] of asked) {
      // With a key only where nothing is changed.
      const request = { headers: method === 'GET' ? key : {} };
      const [there, here] = [await through(method, path, request), await directly(method, path, request)];
      if (isDeepStrictEqual(comparable(there), comparable(here))) continue;
      const name = `${method} ${path.replace(id, '{id}')}`;
      const isOwn = there.headers['x-request-id'] === undefined;
      differences[name] = isOwn ? there.status : { there: comparable(there), here: comparable(here) };
    }
    assert.deepEqual(differences, refusedByItself[name]);
  });

  test(`through ${name} no header that a caller makes up gives it an identity, another path, method or host`, async (t) => {
    const { server, through } = await behind(t, name);
    const [account, other] = [await server.register(), await server.register()];
    const forged = {
      'X-Inksong-User': encodeURIComponent(other.email),
      'X-Inksong-User-Id': other.id,
      'X-Inksong-Account-Id': other.id,
      'X-Inksong-Scheme': 'bearer',
      'X-Inksong-Key-Id': other.apiKeyId,
      'X-Inksong-Reason': 'none',
      'X-Forwarded-User': other.email,
      'X-Remote-User': other.email,
      'X-Original-URI': '/api/v1/auth/config',
      'X-Original-URL': '/api/v1/auth/config',
      'X-Rewrite-URL': '/api/v1/auth/config',
      'X-Forwarded-Uri': '/api/v1/auth/config',
      'X-Forwarded-Method': 'DELETE',
      'X-HTTP-Method-Override': 'DELETE',
      'X-Forwarded-Host': 'elsewhere.example',
      'X-Forwarded-Proto': 'http',
      'X-Forwarded-Port': '80',
      'X-Forwarded-Prefix': '/elsewhere',
    };
    assert.equal((await through('GET', '/me', { headers: forged })).status, 401);
    for (const own of [{ 'X-API-Key': account.apiKey }, { Authorization: `Bearer ${account.accessToken}` }]) {
      const [plain, withForged] = [
        await through('GET', '/me', { headers: own }),
        await through('GET', '/me', { headers: { ...forged, ...own } }),
      ];
      assert.equal(plain.json.id, account.id);
      assert.deepEqual(comparable(withForged), comparable(plain));
      const posted = await through('POST', '/documents/', json({ title: 'mine', content: 'x' }, { ...forged, ...own }));
      assert.equal(posted.status, 201);
      assert.equal(posted.headers.location, `/api/v1/documents/${posted.json.id}`);
    }
    assert.equal((await server.call('GET', '/documents/', { key: other.apiKey })).json.items.length, 0);
    assert.equal((await server.call('GET', '/documents/', { key: account.apiKey })).json.items.length, 2);
    assert.equal((await server.call('GET', '/me', { bearer: other.accessToken })).status, 200, 'nobody is deleted');
  });
}

test('a key that is sent to Caddy over http is refused and not led on, while people are', async (t) => {
  const server = await bootServer(t, { ...proxySamples.env, INKSONG_SIGNUP: 'open' });
  const { apiKey } = await server.register();
  const http = await freePort('127.0.0.1');
  await startProxy(t, 'caddy', proxySamples.outermost.caddy + proxySamples.caddyOverHttp, {
    replace: { '127.0.0.1:8080': new URL(server.url).host, 'http://api.example.com': `http://api.example.com:${http}` },
    port: http,
  });
  const asked = (path: string) =>
    ask(`http://127.0.0.1:${http}`, { path, headers: { 'X-API-Key': apiKey }, from: client });
  for (const path of ['/api/v1/me', '/api/v1/documents/?q=a', '/api/nothing']) {
    assert.deepEqual(codeOf(await asked(path)), [403, 'https_required'], path);
  }
  const page = await asked('/docs/?a=b');
  assert.deepEqual([page.status, page.headers.location], [302, 'https://api.example.com/docs/?a=b']);
});

/** Where each listens on both kinds of address at once, as its own page would have it. */
const dualStack: Record<ProxyName, (port: number) => Record<string, string>> = {
  caddy: (port) => ({ 'api.example.com {': `api.example.com:${port} {` }),
  nginx: (port) => ({ 'listen 443': `listen [::]:${port} ipv6only=off` }),
  haproxy: (port) => ({ 'bind :443': `bind :::${port} v4v6` }),
};

for (const name of proxyNames) {
  test(`through ${name} on a dual-stack socket an IPv4 client is the IPv4 client it is, and an IPv6 client none (C14)`, async (t) => {
    const server = await bootServer(t, { ...proxySamples.env, INKSONG_SIGNUP: 'open' });
    const account = await server.register();
    const port = await freePort('::');
    await startProxy(t, name, proxySamples.outermost[name], {
      replace: { '127.0.0.1:8080': new URL(server.url).host, ...dualStack[name](port) },
      port,
    });
    const bearer = { bearer: account.accessToken };
    const verdict = async (host: string, from: string, allowedIps: string[]) => {
      const json = { allowed_ips: allowedIps };
      assert.equal((await server.call('PATCH', `/api-keys/${account.apiKeyId}`, { ...bearer, json })).status, 200);
      const headers = { 'X-API-Key': account.apiKey };
      return (await ask(`https://${host}:${port}`, { path: '/api/v1/documents/', headers, from })).status;
    };
    assert.equal(await verdict('127.0.0.1', client, ['127.0.1.0/24']), 200);
    assert.equal(await verdict('127.0.0.1', client, ['126.0.0.0/8', '127.0.0.0/24', '128.0.0.0/8']), 403);
    assert.equal(await verdict('127.0.0.1', client, ['::/0']), 403);
    assert.equal(await verdict('[::1]', '::1', ['::/0']), 200);
    assert.equal(await verdict('[::1]', '::1', ['0.0.0.0/0', '::2/127']), 403);
    await server.services.events.flush();
    const { items } = (await server.call('GET', '/events/?kind=address_refused', bearer)).json;
    assert.deepEqual(items.map(({ address }: { address: string }) => address).sort(), [client, '::1']);
  });
}

/** What a proxy refuses without asking the server, and how. */
const refusedByItself: Record<ProxyName, Record<string, number>> = {
  caddy: { 'GET /me%': 400, 'GET /me%zz': 400 },
  nginx: {
    'TRACE /me': 405,
    'TRACE /documents/': 405,
    'TRACE /documents/{id}': 405,
    'TRACE /nothing': 405,
    'GET /me%': 400,
    'GET /me%zz': 400,
  },
  haproxy: {},
};

const methods = [
  'GET',
  'HEAD',
  'OPTIONS',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'TRACE',
  'PROPFIND',
  'QUERY',
  'PURGE',
  'LINK',
];

function oddPaths(id: string, title: string): string[] {
  const query = encodeURIComponent(title);
  return [
    `/documents/?q=${query}`,
    `/documents/?q=${query.replaceAll('%20', '+')}&limit=1`,
    '/documents/?limit=2',
    '/documents/?limit=2&limit=1',
    '/documents/?limit=0',
    '/documents/?limit=%31',
    '/documents/?',
    '/documents/?q=%E9',
    '/documents/?q=%',
    '/documents/?q=a;b|c[d]{e}^`~!*()\'"\\',
    `/documents/?q=${'x'.repeat(3000)}`,
    '/documents',
    '/me/?x',
    '/me?api_key=ink_0&access_token=eyJ',
    '/%6de',
    '/m%2Fe',
    '/m%2fe',
    `/documents%2F${id}`,
    `/documents/${id}%2Fcontent`,
    `/documents/${id}/content`,
    `/documents/${id}/%63ontent`,
    `/documents/${id}/content/`,
    `/documents/${id}%3Fx`,
    `/documents/${id}%20`,
    `/documents/${id};v=1`,
    '/documents/..%2Fme',
    '/documents/%2e%2e/me',
    '/documents/../me',
    '/./me',
    '//me',
    '/api//v1/me',
    '//api/v1/me',
    '/documents/\\..\\me',
    '/me%',
    '/me%zz',
  ];
}

/** What is left of an answer without what each must have of its own. */
function comparable({ status, headers, bytes, json: body }: ProxiedAnswer) {
  const own = ['date', 'x-request-id', 'connection', 'keep-alive', 'transfer-encoding', 'server', 'via', 'alt-svc'];
  const kept = Object.fromEntries(Object.entries(headers).filter(([header]) => !own.includes(header)));
  return { status, headers: kept, body: body ? { ...body, request_id: undefined } : bytes.toString('latin1') };
}

function* inPieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 60_000) yield bytes.subarray(at, at + 60_000);
}
