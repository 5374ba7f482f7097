import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createApp } from '../src/app.ts';
import { operator } from '../src/auth/actor.ts';
import { bootServer, type TestServer } from './boot.ts';
import { exchange, type RawAnswer, rawRequest } from './raw-http.ts';

const client = '203.0.113.7';
const spoofed = '198.51.100.4';
const hop = '10.1.0.1';
const peer = '127.0.0.1';

async function ask(
  server: TestServer,
  method: string,
  path: string,
  lines: readonly string[],
  json?: unknown,
): Promise<RawAnswer & { json: { code?: string; detail?: string; your_address?: string | null } }> {
  const body = json === undefined ? '' : JSON.stringify(json);
  const content = json === undefined ? [] : ['Content-Type: application/json', `Content-Length: ${body.length}`];
  const all = ['Host: localhost', 'Connection: close', ...lines, ...content];
  const { answers } = await exchange(server.url, rawRequest(method, `/api/v1${path}`, all, body));
  const [answer] = answers;
  assert.ok(answer);
  return { ...answer, json: JSON.parse(answer.body.toString()) };
}

/** Returns the address that allowlist, limiter, event and log each took a request with these headers to be from. */
async function witnesses(server: TestServer, lines: readonly string[]): Promise<Record<string, string | undefined>> {
  const { database, apiKeys, events } = server.services;
  const account = await server.register();
  const key = `X-API-Key: ${account.apiKey}`;
  await apiKeys.update(account.id, account.apiKeyId, { allowed_ips: ['192.0.2.99'] }, operator);
  const refused = await ask(server, 'GET', '/documents/', [key, ...lines]);
  assert.equal(refused.json.code, 'address_not_allowed');
  const allowlist = /does not have (\S+)\. /.exec(refused.json.detail ?? '')?.[1] ?? 'unknown';
  const allowedIps = allowlist === 'unknown' ? ['0.0.0.0/0', '::/0'] : [allowlist];
  await apiKeys.update(account.id, account.apiKeyId, { allowed_ips: allowedIps }, operator);
  const again = await ask(server, 'GET', '/documents/', [key, ...lines]);
  assert.equal(again.status, allowlist === 'unknown' ? 403 : 200);
  const preview = await ask(
    server,
    'POST',
    `/api-keys/${account.apiKeyId}/allowed-ips/preview`,
    [`Authorization: Bearer ${account.accessToken}`, ...lines],
    { allowed_ips: null },
  );

  await database.query.deleteFrom('limit_counters').execute();
  const wrong = { email: account.email, password: 'not the password at all' };
  assert.equal((await ask(server, 'POST', '/auth/login', lines, wrong)).status, 401);
  const counted = await database.query
    .selectFrom('limit_counters')
    .select('key')
    .where('key', 'like', 'auth:%')
    .execute();
  await events.flush();
  const told = (await server.call('GET', '/events/', { bearer: account.accessToken })).json.items;
  const addressOf = (kind: string) => told.find((event: { kind: string }) => event.kind === kind)?.address;
  const logged = server.logLines.map((line) => JSON.parse(line)).findLast(({ path }) => path === '/api/v1/auth/login');
  return {
    allowlist,
    preview: preview.json.your_address ?? 'unknown',
    limiter: counted.map(({ key: counter }) => /^auth:(.*)\/\d+$/.exec(counter)?.[1]).join(' '),
    'address_refused event': addressOf('address_refused'),
    'sign_in_failed event': addressOf('sign_in_failed'),
    log: logged?.address,
  };
}

function agreed(address: string, isKnown = true): Record<string, string> {
  const known = isKnown ? address : 'unknown';
  return {
    allowlist: known,
    preview: known,
    limiter: address,
    'address_refused event': address,
    'sign_in_failed event': address,
    log: address,
  };
}

/** What arrives: written by a client that spoofs what it can, and then by as many proxies as there are hops. */
const arrivals = {
  'both headers': (own: string[]) => [
    `X-Forwarded-For: ${[spoofed, ...own].join(', ')}`,
    `Forwarded: ${[`for=${spoofed}`, ...own.map((address) => `for=${address}`)].join(', ')}`,
  ],
  'a line for each hop': (own: string[]) =>
    [spoofed, ...own].flatMap((address) => [`x-forwarded-for: ${address}`, `FORWARDED: for=${address}`]),
  'ports and spaces': (own: string[]) => [
    `X-Forwarded-For: ${[spoofed, ...own].map((address) => `${address}:443`).join(' ,  ')}`,
    `Forwarded: ${[spoofed, ...own].map((address) => `FOR="${address}:443";by=_x`).join(' ,  ')}`,
  ],
  'junk further left': (own: string[]) => [
    `X-Forwarded-For: ${['"', 'unknown', '', ...own].join(', ')}`,
    `Forwarded: ${['for="', ';;;', ...own.map((address) => `for=${address}`)].join(', ')}`,
  ],
  'headers nobody asked for': (own: string[]) => [
    `X-Real-IP: ${spoofed}`,
    `True-Client-IP: ${spoofed}`,
    `CF-Connecting-IP: ${spoofed}`,
    `X-Client-IP: ${spoofed}`,
    `X-Forwarded-For: ${[spoofed, ...own].join(', ')}`,
    `Forwarded: ${[`for=${spoofed}`, ...own.map((address) => `for=${address}`)].join(', ')}`,
  ],
};

/** The addresses that a chain of so many proxies writes, the client's first, and the trust that fits it. */
const chains = [
  { hops: 0, own: [], trusted: '127.0.9.9', from: peer },
  { hops: 1, own: [client], trusted: peer, from: client },
  { hops: 2, own: [client, hop], trusted: `${peer}, 10.1.0.0/16`, from: client },
];

const headers = ['x-forwarded-for', 'forwarded'] as const;

const boot = (t: TestContext, settings: Record<string, string>) =>
  bootServer(t, { INKSONG_RATE_LIMIT_AUTH: '1000/hour', ...settings });

test('C13 allowlist, limiter, events and log agree on one address, through 0, 1 and 2 proxies, whatever is spoofed', async (t) => {
  for (const { hops, own, trusted, from } of chains) {
    for (const header of headers) {
      const server = await boot(t, { INKSONG_TRUSTED_PROXIES: trusted, INKSONG_CLIENT_IP_HEADER: header });
      for (const [name, write] of Object.entries(arrivals)) {
        assert.deepEqual(await witnesses(server, write(own)), agreed(from), `${hops} hops, ${header}, ${name}`);
      }
      await server.close();
    }
  }
});

test('from a trusted peer only the header that is believed counts', async (t) => {
  for (const header of headers) {
    const server = await boot(t, { INKSONG_TRUSTED_PROXIES: peer, INKSONG_CLIENT_IP_HEADER: header });
    const [believed, other] =
      header === 'forwarded' ? ['Forwarded: for=', 'X-Forwarded-For: '] : ['X-Forwarded-For: ', 'Forwarded: for='];
    const lines = [`${believed}${client}`, `${other}${spoofed}`];
    assert.deepEqual(await witnesses(server, lines), agreed(client), header);
    assert.deepEqual(await witnesses(server, [`${other}${spoofed}`]), agreed(peer), `not ${header}`);
    await server.close();
  }
});

test('when the deciding entry is malformed no allowlist lets the request in, and limits, events and log go by the peer', async (t) => {
  for (const header of headers) {
    const server = await boot(t, { INKSONG_TRUSTED_PROXIES: `${peer}, 10.1.0.0/16`, INKSONG_CLIENT_IP_HEADER: header });
    for (const entry of ['unknown', '010.0.0.1', '203.0.113.7.', 'fe80::1%eth0', '']) {
      const lines = [
        `X-Forwarded-For: ${client}, ${entry}, ${hop}`,
        `Forwarded: for=${client}, for="${entry}", for=${hop}`,
      ];
      assert.deepEqual(await witnesses(server, lines), agreed(peer, false), `${header} ${entry}`);
    }
    // A key without an allowlist asks nothing of the address; the peer's is what its owner sees.
    const account = await server.register();
    const lines = [`X-API-Key: ${account.apiKey}`, 'X-Forwarded-For: unknown', 'Forwarded: for=unknown'];
    assert.equal((await ask(server, 'GET', '/documents/', lines)).status, 200);
    await server.services.apiKeys.flushLastUses();
    await server.services.apiKeys.flushSeenAddresses();
    assert.equal((await server.services.apiKeys.list(account.id))[0]?.last_used_ip, peer);
    const seen = await server.services.database.query.selectFrom('api_key_addresses').select('address').execute();
    assert.ok(
      seen.every(({ address }) => address !== peer),
      'which is not an address the key was used from',
    );
    await server.close();
  }
});

test('C14 on a dual-stack socket an IPv4 client is the IPv4 client it is, and an IPv6 client none', async (t) => {
  const server = await boot(t, {});
  const dualStack = await createApp(server.config, server.services, server.app.log);
  t.after(() => dualStack.close());
  await dualStack.listen({ host: '::', port: 0 });
  const { port } = dualStack.server.address() as AddressInfo;
  const seen: (string | undefined)[] = [];
  dualStack.server.on('connection', ({ remoteAddress }) => seen.push(remoteAddress));
  const account = await server.register();
  const verdictOf = async (host: string, allowedIps: string[]) => {
    await server.services.apiKeys.update(account.id, account.apiKeyId, { allowed_ips: allowedIps }, operator);
    const options = { host, port, path: '/api/v1/documents/', headers: { 'X-API-Key': account.apiKey }, agent: false };
    const [answer] = (await once(get(options), 'response')) as [IncomingMessage];
    answer.resume();
    return answer.statusCode;
  };
  assert.equal(await verdictOf('127.0.0.1', ['127.0.0.0/8']), 200);
  assert.equal(await verdictOf('127.0.0.1', ['126.0.0.0/8', '128.0.0.0/8']), 403);
  assert.equal(await verdictOf('127.0.0.1', ['::/0']), 403);
  assert.equal(await verdictOf('::1', ['::/0']), 200);
  assert.equal(await verdictOf('::1', ['0.0.0.0/0', '::2/127']), 403);
  assert.deepEqual(new Set(seen), new Set(['::ffff:127.0.0.1', '::1']));
  await server.services.events.flush();
  const told = (await server.call('GET', '/events/?kind=address_refused', { bearer: account.accessToken })).json.items;
  assert.deepEqual(
    told.map(({ address }: { address: string }) => address).sort(),
    ['127.0.0.1', '::1'],
    'and is told of as such',
  );
});

test('IPv6 clients are counted by their /64 and matched by their address, through a proxy too', async (t) => {
  const server = await boot(t, { INKSONG_TRUSTED_PROXIES: peer });
  const seen = await witnesses(server, ['X-Forwarded-For: [2001:DB8:0:5::7]:443']);
  assert.deepEqual(seen, { ...agreed('2001:db8:0:5::7'), limiter: '2001:db8:0:5::' });
  const mapped = await witnesses(server, [`X-Forwarded-For: ::ffff:${client}`]);
  assert.deepEqual(mapped, agreed(client));
});

test('what is logged of a request that reaches no route has the same address', async (t) => {
  const server = await boot(t, { INKSONG_TRUSTED_PROXIES: peer });
  const lines = ['Host: localhost', 'Connection: close', `X-Forwarded-For: ${client}`];
  for (const target of ['/api/v1/nothing', '/%', '/api/v1/me']) {
    await exchange(server.url, rawRequest('GET', target, lines));
    const line = server.logLines.map((each) => JSON.parse(each)).findLast(({ path }) => path === target);
    assert.equal(line?.address, client, target);
  }
});

test('a trusted proxy that was itself asked over http is refused on every route, before credentials are looked at', async (t) => {
  const account = { email: 'ada@example.com', password: 'five unrelated words do well' };
  for (const header of headers) {
    const server = await bootServer(t, {
      INKSONG_PUBLIC_URL: 'https://api.example.com',
      INKSONG_TRUSTED_PROXIES: peer,
      INKSONG_CLIENT_IP_HEADER: header,
    });
    const lines = (scheme: string) =>
      header === 'forwarded'
        ? [`Forwarded: for=${client};proto=${scheme}`, 'X-Forwarded-Proto: http']
        : [`X-Forwarded-For: ${client}`, `X-Forwarded-Proto: ${scheme}`, 'Forwarded: for=192.0.2.1;proto=http'];
    for (const scheme of ['http', 'HTTP']) {
      const refused = await ask(server, 'POST', '/auth/register', lines(scheme), account);
      assert.deepEqual([refused.status, refused.json.code], [403, 'https_required']);
      const wrong = await ask(server, 'GET', '/me', ['X-API-Key: wrong', 'X-API-Key: twice', ...lines(scheme)]);
      assert.equal(wrong.json.code, 'https_required');
    }
    assert.deepEqual(await server.services.accounts.list(), []);
    assert.equal((await ask(server, 'GET', '/me', lines('https'))).status, 401);
    assert.equal((await ask(server, 'GET', '/me', [])).status, 401, 'a proxy that does not tell is not suspected');
    await server.close();
  }
  const untrusting = await bootServer(t, { INKSONG_PUBLIC_URL: 'https://api.example.com' });
  assert.equal((await ask(untrusting, 'GET', '/me', ['X-Forwarded-Proto: http'])).status, 401);
  const local = await bootServer(t, { INKSONG_TRUSTED_PROXIES: peer });
  assert.equal((await ask(local, 'GET', '/me', ['X-Forwarded-Proto: http'])).status, 401, 'http is what loopback has');
});

test('forwarded headers from a private peer that is not trusted are warned of once', async (t) => {
  const server = await bootServer(t);
  for (let count = 0; count < 3; count++) await ask(server, 'GET', '/me', [`X-Forwarded-For: ${client}`]);
  const warnings = server.logLines
    .map((line) => JSON.parse(line))
    .filter(({ msg }) => /INKSONG_TRUSTED_PROXIES/.test(msg));
  assert.equal(warnings.length, 1);
  assert.deepEqual([warnings[0].level, warnings[0].peer, warnings[0].header], [40, peer, 'x-forwarded-for']);
});
