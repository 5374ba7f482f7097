import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { parseEnv } from 'node:util';
import { operator } from '../../src/auth/actor.ts';
import { bootServer, type TestAccount, type TestServer, temporaryDirectory } from '../boot.ts';
import { failStatements, faults } from '../database-probes.ts';
import { Page } from '../samples.ts';
import { type EchoService, type Received, startEchoService } from './echo-service.ts';
import { askProxy, type ProxiedRequest, type ProxyName, proxyNames, startProxy } from './proxies.ts';

const page = new Page('docs/forward-auth.md');
const env = parseEnv(page.take('Your own service behind Inksong', 'env').code) as Record<string, string>;
const lua = page.take('HAProxy', 'lua').code;
const configurations: Record<ProxyName, string> = {
  nginx: page.take('nginx', 'nginx').code,
  caddy: page.take('Caddy', 'caddy').code,
  haproxy: page.take('HAProxy', 'haproxy').code,
};

interface Guarded {
  inksong: TestServer;
  service: EchoService;
  /** Sends a request through the proxy and tells what the client got and what, if anything, the service did. */
  ask(request: ProxiedRequest): Promise<{
    status: number;
    headers: Record<string, string | string[] | undefined>;
    json: { code?: string } | null;
    text: string;
    received: Received[];
  }>;
}

/** Where clients ask from; the proxies themselves, which are trusted, are on 127.0.0.1. */
const client = '127.0.0.2';

interface Changes {
  settings?: Record<string, string>;
  script?: string;
  configuration?: string;
}

async function guard(
  t: TestContext,
  name: ProxyName,
  { settings = {}, script = lua, configuration = configurations[name] }: Changes = {},
): Promise<Guarded> {
  const inksong = await bootServer(t, { ...env, INKSONG_PUBLIC_URL: 'https://api.example.com', ...settings });
  const service = await startEchoService(t);
  const file = join(temporaryDirectory(t), 'inksong.lua');
  writeFileSync(file, script);
  const port = await startProxy(t, name, configuration, {
    replace: {
      '127.0.0.1:8080': new URL(inksong.url).host,
      '127.0.0.1:9000': service.address,
      // The name that the certificate is for.
      'orders.example.com': 'api.example.com',
      '/etc/haproxy/inksong.lua': file,
    },
  });
  return {
    inksong,
    service,
    async ask(request) {
      const before = service.received.length;
      const { status, headers, json, bytes } = await askProxy(port, { from: client, ...request });
      return { status, headers, json, text: bytes.toString(), received: service.received.slice(before) };
    },
  };
}

const byKey = ({ apiKey }: Pick<TestAccount, 'apiKey'>) => ({ 'X-API-Key': apiKey });
const byToken = ({ accessToken }: TestAccount) => ({ Authorization: `Bearer ${accessToken}` });

/** Fails unless the service got one request that says who asks, and from where, and nothing that a caller may have made up. */
function assertToldOf(
  received: Received[],
  { id, email, apiKeyId, apiKey, accessToken, refreshToken }: TestAccount,
  scheme: 'api_key' | 'bearer',
  what: string,
): void {
  assert.equal(received.length, 1, `${what}: ${received.length} requests reached the service`);
  const [request] = received;
  assert.ok(request);
  // A service may take any of these spellings for the same name.
  const lines = request.lines.map(([name, value]): [string, string] => [
    name.toLowerCase().replace(/[_.]/g, '-'),
    value,
  ]);
  const identity = lines.filter(([name, value]) => name.includes('inksong') && value !== '');
  const wanted = [
    ['x-inksong-scheme', scheme],
    ['x-inksong-user', encodeURIComponent(email)],
    ['x-inksong-user-id', id],
    ...(scheme === 'api_key' ? [['x-inksong-key-id', apiKeyId]] : []),
  ];
  assert.deepEqual(identity.sort(), wanted.sort(), what);
  const origin = ['x-forwarded-for', 'x-forwarded-proto', 'x-real-ip', 'forwarded'];
  const wantedOrigin = [
    ['x-forwarded-for', client],
    ['x-forwarded-proto', 'https'],
  ];
  assert.deepEqual(lines.filter(([name]) => origin.includes(name)).sort(), wantedOrigin, what);
  assert.ok(!lines.some(([name]) => name === 'x-api-key' || name === 'authorization'), what);
  const whole = JSON.stringify(request);
  for (const secret of [apiKey, accessToken, refreshToken]) assert.ok(!whole.includes(secret), `${what}: ${whole}`);
}

/** Nothing of an answer but its own: whatever a caller says of these is made up. */
const spoofed: Record<string, string | string[]> = {
  'X-Inksong-User': 'evil%40example.com',
  'x-inksong-user-id': ['acc_evil', 'acc_worse'],
  'X-Inksong-Scheme': 'bearer',
  'X-Inksong-Key-Id': 'key_evil',
  'X-Inksong-Reason': 'evil',
  X_Inksong_User: 'evil',
  'X-Inksong_User-Id': 'evil',
  'X.Inksong.User': 'evil',
  'X-Forwarded-For': '192.0.2.66',
  'X-Forwarded-Proto': 'http',
  'X-Real-IP': '192.0.2.66',
  Forwarded: 'for=192.0.2.66;proto=http',
  // What is named here is for the next hop alone, so a proxy may leave it out of what it passes on.
  Connection:
    'close, X-Inksong-User, X-Inksong-User-Id, X-Inksong-Scheme, X-Inksong-Key-Id, X-Forwarded-For, X-Forwarded-Proto',
};

for (const name of proxyNames) {
  test(`${name}: by key and by token a request goes on whole, and the service learns who asks and nothing else`, async (t) => {
    const { inksong, ask } = await guard(t, name);
    const account = await inksong.register('zoë+x@example.com');
    const cookie = { Cookie: `a=1; __Host-inksong_refresh=${account.refreshToken}; b=2` };
    for (const [scheme, credential] of [
      ['api_key', byKey(account)],
      ['bearer', byToken(account)],
    ] as const) {
      for (const [path, method, more] of [
        ['/', 'GET', {}],
        ['/p/a%20b/%2F%41?x=1', 'GET', spoofed],
        ['/?inksong=off&scheme=public&access_token=x', 'GET', cookie],
        ['/?uri=/healthz', 'HEAD', spoofed],
        ['/x', 'OPTIONS', cookie],
        ['/x', 'PROPFIND', spoofed],
        ['/x', 'DELETE', {}],
        ['/api/v1/auth/forward', 'GET', {}],
      ] as const) {
        const what = `${scheme} ${method} ${path}`;
        const { status, received } = await ask({ path, method, headers: { ...credential, ...more } });
        assert.equal(status, 200, what);
        assertToldOf(received, account, scheme, what);
        assert.deepEqual([received[0]?.method, received[0]?.target], [method, path]);
        const sent = received[0]?.lines.filter(([line]) => line.toLowerCase() === 'cookie').map(([, value]) => value);
        assert.deepEqual(sent, 'Cookie' in more ? ['a=1; b=2'] : []);
      }
      const body = randomBytes(5 * 1024 * 1024);
      for (const method of ['POST', 'PUT', 'PROPFIND', 'DELETE']) {
        const pieces = Readable.from([body.subarray(0, 70_000), body.subarray(70_000)]);
        for (const [sent, framing] of [
          [body, { 'Content-Length': String(body.length) }],
          [pieces, { 'Transfer-Encoding': 'chunked' }],
        ] as const) {
          const kind = Object.keys(framing);
          const type = { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' };
          const headers = { ...credential, ...type, ...framing };
          const { status, received } = await ask({ path: '/upload', method, headers, body: sent });
          assert.equal(status, 200, `${method} ${kind}`);
          assertToldOf(received, account, scheme, `${method} ${kind}`);
          assert.equal(received[0]?.bodyHash, hash('sha256', body), `${method} ${kind}`);
        }
      }
    }
  });

  test(`${name}: what Inksong refuses never reaches the service, whatever it is dressed up as`, async (t) => {
    const { inksong, ask, service } = await guard(t, name);
    const account = await inksong.register();
    const refused = async (status: number, request: Partial<ProxiedRequest>, code?: string): Promise<void> => {
      for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS', 'PROPFIND']) {
        for (const path of ['/x', '/x?inksong=off', '/a/%2e%2e/healthz']) {
          for (const more of [{}, spoofed]) {
            const headers = { ...request.headers, ...more };
            const body = method === 'POST' ? { body: Buffer.alloc(1024) } : {};
            const answer = await ask({ path, method, ...body, ...request, headers });
            const what = `${method} ${path} ${JSON.stringify(headers)}: ${answer.text}`;
            assert.equal(answer.status, status, what);
            if (status === 401)
              assert.match(String(answer.headers['www-authenticate']), /^Bearer realm="inksong"/, what);
            // nginx has pages of its own.
            if (name === 'nginx')
              assert.equal(answer.headers['x-inksong-reason'], status === 403 ? code : undefined, what);
            else if (code !== undefined && method !== 'HEAD') assert.equal(answer.json?.code, code, what);
            assert.ok(!('set-cookie' in answer.headers), what);
          }
        }
      }
    };
    const { apiKeyId, id } = account;
    await refused(401, {}, 'invalid_credentials');
    await refused(401, { headers: { 'X-API-Key': `ink_${'0'.repeat(48)}` } }, 'invalid_credentials');
    await refused(401, { headers: { Authorization: 'Bearer x' } }, 'invalid_credentials');
    await refused(401, { headers: { Cookie: `__Host-inksong_refresh=${account.refreshToken}` } });
    const both = { ...byKey(account), ...byToken(account) };
    await refused(name === 'nginx' ? 403 : 400, { headers: both }, 'invalid_request');
    const twice = { 'X-API-Key': [account.apiKey, account.apiKey] };
    await refused(name === 'nginx' ? 403 : 400, { headers: twice }, 'invalid_request');
    await refused(403, { headers: { ...byKey(account), Origin: 'https://a.example' } }, 'key_in_browser');
    await refused(403, { headers: { ...byKey(account), 'Sec-Fetch-Site': 'none' } }, 'key_in_browser');
    // The address of the proxy, and the one that the spoofed headers name, would do; the client's is another.
    await inksong.services.apiKeys.update(id, apiKeyId, { allowed_ips: ['127.0.0.1', '192.0.2.66'] }, operator);
    await refused(403, { headers: byKey(account) }, 'address_not_allowed');
    assert.deepEqual(service.received, []);

    await inksong.services.apiKeys.update(id, apiKeyId, { allowed_ips: [client] }, operator);
    assertToldOf((await ask({ path: '/', headers: byKey(account) })).received, account, 'api_key', 'allowed again');
    await refused(403, { headers: byKey(account), from: '127.0.0.3' }, 'address_not_allowed');
    await inksong.services.events.flush();
    const events = await inksong.call('GET', '/events/?kind=address_refused', { bearer: account.accessToken });
    const seen: string[] = events.json.items.map(({ address }: { address: string }) => address);
    assert.deepEqual([...new Set(seen)].sort(), [client, '127.0.0.3']);
    const token = await ask({ path: '/', headers: byToken(account) });
    assert.equal(token.status, 200);
    const { secret } = await inksong.services.apiKeys.rotate(id, apiKeyId, null, operator);
    assert.equal((await ask({ path: '/', headers: byKey(account) })).status, 401);
    assert.equal((await ask({ path: '/', headers: { 'X-API-Key': secret } })).status, 200);
    await inksong.call('POST', '/auth/logout', { bearer: account.accessToken });
    assert.equal((await ask({ path: '/', headers: byToken(account) })).status, 401);
    assert.equal(service.received.length, 3);
  });

  test(`${name}: who asks is never mixed up among requests side by side`, async (t) => {
    const { inksong, ask, service } = await guard(t, name);
    const accounts = [await inksong.register(), await inksong.register()];
    const asked = Array.from({ length: 60 }, async (_, index) => {
      const account = accounts[index % 2] as TestAccount;
      const credential = index % 3 === 0 ? byToken(account) : byKey(account);
      const headers = index % 5 === 0 ? {} : credential;
      const { status } = await ask({
        path: `/${account.id}/${index}`,
        headers,
        method: index % 7 === 0 ? 'PUT' : 'GET',
      });
      assert.equal(status, index % 5 === 0 ? 401 : 200);
    });
    await Promise.all(asked);
    assert.equal(service.received.length, 48);
    for (const { target, lines } of service.received) {
      const [, user] = lines.find(([line]) => line.toLowerCase() === 'x-inksong-user-id') ?? [];
      assert.equal(target.split('/')[1], user);
    }
  });

  test(`${name}: no upgrade but to WebSocket is passed on, since what follows one is asked about by nobody`, async (t) => {
    const { inksong, ask } = await guard(t, name);
    const account = await inksong.register();
    const passedOn = async (...protocols: string[]): Promise<string[]> => {
      const upgrade = protocols.flatMap((protocol) => ['Upgrade', protocol]);
      const webSocket = ['Sec-WebSocket-Version', '13', 'Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='];
      const headers = ['X-API-Key', account.apiKey, 'Connection', 'Upgrade, HTTP2-Settings', ...upgrade, ...webSocket];
      const { status, received } = await ask({ path: '/', headers: [...headers, 'HTTP2-Settings', 'AAMAAABk'] });
      assert.equal(status, 200, `${protocols}`);
      assertToldOf(received, account, 'api_key', `${protocols}`);
      return received
        .flatMap(({ lines }) => lines)
        .flatMap(([line, value]) => (/^upgrade$/i.test(line) ? [value.toLowerCase()] : []));
    };
    for (const protocols of [
      ['h2c'],
      ['H2C'],
      ['h2c, websocket'],
      ['h2c', 'websocket'],
      ['websocket', 'h2c'],
      ['TLS/1.0'],
    ])
      assert.deepEqual(await passedOn(...protocols), [], `${protocols}`);
    for (const protocol of ['websocket', 'WebSocket'])
      assert.deepEqual(await passedOn(protocol), name === 'nginx' ? [] : ['websocket']);
  });

  test(`${name}: an account over its limit gets 429 with Retry-After, and the service’s own refusals are left alone`, async (t) => {
    const { inksong, ask } = await guard(t, name, { settings: { INKSONG_RATE_LIMIT_API: '6/hour' } });
    const account = await inksong.register();
    const headers = byKey(account);
    for (const status of [200, 403, 429, 500]) {
      const answer = await ask({ path: `/status/${status}`, headers });
      assert.deepEqual([answer.status, answer.text, answer.received.length], [status, 'the service', 1]);
    }
    const throttled = await ask({ path: '/', headers });
    assert.equal(throttled.status, 429, throttled.text);
    assert.ok(Number(throttled.headers['retry-after']) > 3_000);
    // nginx has nothing of a refusal but what the page names.
    if (name !== 'nginx') assert.match(String(throttled.headers.ratelimit), /^"api";r=0;t=\d+$/);
    assert.deepEqual(throttled.received, []);
  });

  test(`${name}: an address of one scheme lets that one through alone, whatever the query asks for`, async (t) => {
    for (const [path, allowed, refused, reason] of [
      ['api-key', byKey, byToken, 'api_key_required'],
      ['bearer', byToken, byKey, 'session_required'],
    ] as const) {
      const { inksong, ask } = await guard(t, name, {
        configuration: configurations[name].replace(/\/auth\/forward(\/nginx)?/, `$&/${path}`),
      });
      const account = await inksong.register();
      const inQuery = '/?scheme=both&access=both&/auth/forward';
      assert.equal((await ask({ path: inQuery, headers: allowed(account) })).status, 200, path);
      const answer = await ask({ path: inQuery, headers: refused(account) });
      assert.deepEqual([answer.status, answer.received], [403, []], path);
      assert.equal(name === 'nginx' ? answer.headers['x-inksong-reason'] : answer.json?.code, reason);
    }
  });

  test(`${name}: behind another proxy of ours the address that counts is the one that this one was told`, async (t) => {
    const outer = '127.0.0.4';
    const { inksong, ask } = await guard(t, name, {
      settings: { INKSONG_TRUSTED_PROXIES: `127.0.0.1, ${outer}` },
      configuration: configurations[name].replace(/(forward_auth .*\n)/, `$1trusted_proxies ${outer}\n`),
    });
    const { id, apiKeyId, ...account } = await inksong.register();
    const allowed = '192.0.2.7';
    await inksong.services.apiKeys.update(id, apiKeyId, { allowed_ips: [allowed] }, operator);
    const statusOf = async (from: string, forwardedFor: string) =>
      (await ask({ path: '/', from, headers: { ...byKey(account), 'X-Forwarded-For': forwardedFor } })).status;
    assert.equal(await statusOf(outer, `203.0.113.9, ${allowed}`), 200);
    assert.equal(await statusOf(outer, `${allowed}, 203.0.113.9`), 403);
    assert.equal(await statusOf(client, allowed), 403, 'who is no proxy of ours is not believed');
  });

  test(`${name}: without Inksong, or without its database, nothing gets through`, async (t) => {
    const { inksong, ask, service } = await guard(t, name);
    const account = await inksong.register();
    assert.equal((await ask({ path: '/', headers: byKey(account) })).status, 200);
    const fault = failStatements(t, faults.unreadable);
    for (const headers of [byKey(account), byToken(account)])
      assert.equal((await ask({ path: '/', headers })).status, 503);
    fault.restore();
    await inksong.close();
    for (const headers of [byKey(account), byToken(account), {}])
      assert.equal((await ask({ path: '/', headers })).status, name === 'caddy' ? 502 : 503);
    assert.equal(service.received.length, 1);
  });
}

test('nginx: a further location asks too, and passes on nothing that a caller made up', async (t) => {
  const further = 'location /further/ { proxy_pass http://127.0.0.1:9000; } location / {';
  const { inksong, ask } = await guard(t, 'nginx', {
    configuration: configurations.nginx.replace('location / {', further),
  });
  const account = await inksong.register();
  const refused = await ask({ path: '/further/x', headers: spoofed });
  assert.deepEqual([refused.status, refused.received], [401, []]);
  const { received } = await ask({ path: '/further/x', headers: { ...byKey(account), ...spoofed } });
  assertToldOf(received, account, 'api_key', 'a further location');
});

test('haproxy: a script that fails, or that gets an answer it does not know, lets nothing through', async (t) => {
  for (const [what, by] of [
    ['core.httpclient()', 'nothing.httpclient()'],
    ['answer.status == 200', 'answer.status == 299'],
    ['answer.headers[name][0]) end\n    txn:set_var', "answer.headers['x-none'][0]) end\n    txn:set_var"],
  ] as const) {
    assert.ok(lua.includes(what), what);
    const { inksong, ask } = await guard(t, 'haproxy', { script: lua.replace(what, by) });
    const { status, received } = await ask({ path: '/', headers: byKey(await inksong.register()) });
    assert.deepEqual([status, received], [503, []], by);
  }
});

test('the script for HAProxy that is a file of its own is the one on the page', () => {
  assert.equal(readFileSync(join(import.meta.dirname, '../../../examples/haproxy/inksong.lua'), 'utf8'), lua);
});

test('every configuration of the page is run here, but for those that it says are not', () => {
  assert.deepEqual(
    page.left((language) => language !== 'yaml' && language !== 'text'),
    [],
  );
  assert.equal(page.left((language) => language === 'yaml').length, 2);
});
