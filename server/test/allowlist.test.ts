import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '#kysely';
import { operator } from '../src/auth/actor.ts';
import { bootServer, type TestAccount, type TestServer, temporaryDirectory } from './boot.ts';
import { callFrom } from './call-from.ts';
import { countWrites } from './database-probes.ts';

type Owner = Pick<TestAccount, 'apiKeyId' | 'accessToken'>;

const change = (server: TestServer, { apiKeyId, accessToken }: Owner, json: unknown) =>
  server.call('PATCH', `/api-keys/${apiKeyId}`, { bearer: accessToken, json });
const allow = (server: TestServer, owner: Owner, allowedIps: string[] | null) =>
  change(server, owner, { allowed_ips: allowedIps });

async function statusFrom(address: string, server: TestServer, key: string): Promise<number> {
  return (await callFrom(address, server, 'GET', '/documents/', { key })).status;
}

async function keyOf(server: TestServer, { accessToken }: Owner) {
  await server.services.apiKeys.flushLastUses();
  return (await server.call('GET', '/api-keys/', { bearer: accessToken })).json.items[0];
}

async function eventsOf(server: TestServer, { accessToken }: Owner, kind: string) {
  await server.services.events.flush();
  return (await server.call('GET', `/events/?kind=${kind}`, { bearer: accessToken })).json.items;
}

test('a key with an allowlist works from the addresses in it and from no other', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const other = await server.register();
  assert.equal((await keyOf(server, account)).allowed_ips, null);
  const answer = await allow(server, account, ['127.0.2.0/24', '127.0.3.7', '2001:DB8::/32', '127.0.3.7/32']);
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json.allowed_ips, ['127.0.2.0/24', '127.0.3.7', '2001:db8::/32']);
  assert.deepEqual(await keyOf(server, account), answer.json);

  for (const address of ['127.0.2.0', '127.0.2.255', '127.0.3.7']) {
    assert.equal(await statusFrom(address, server, account.apiKey), 200, address);
  }
  for (const address of ['127.0.0.1', '127.0.1.255', '127.0.3.0', '127.0.3.6', '127.0.3.8']) {
    const refused = await callFrom(address, server, 'GET', '/documents/', { key: account.apiKey });
    assert.equal(refused.status, 403, address);
    assert.equal(refused.json.code, 'address_not_allowed');
    assert.ok(refused.json.detail.includes(address), refused.json.detail);
  }
  assert.equal(await statusFrom('127.0.0.1', server, other.apiKey), 200, 'other keys are not concerned');
  const bySession = await callFrom('127.0.0.1', server, 'GET', '/documents/', { bearer: account.accessToken });
  assert.equal(bySession.status, 200, 'nor is a session');

  assert.deepEqual((await allow(server, account, null)).json.allowed_ips, null);
  assert.equal(await statusFrom('127.0.0.1', server, account.apiKey), 200);
});

test('the allowlist guards every use of the key, on every route that looks at credentials', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  await allow(server, account, ['192.0.2.7']);
  const guarded = server.app.routeTable.filter(
    ({ url, access, method }) =>
      url.startsWith('/api/') && !['public', 'refresh-cookie'].includes(access) && method !== 'HEAD',
  );
  assert.ok(guarded.length > 20);
  for (const { method, url } of guarded) {
    const path = url.replace(':id', `doc_${'0'.repeat(32)}`);
    const answer = await server.call(method, path, { key: account.apiKey });
    assert.equal(answer.json.code, 'address_not_allowed', `${method} ${url}`);
  }
});

test('a change of the list is in force on the next request, on every node', async (t) => {
  const INKSONG_DATA_DIR = temporaryDirectory(t);
  const nodes = [await bootServer(t, { INKSONG_DATA_DIR }), await bootServer(t, { INKSONG_DATA_DIR })] as const;
  const account = await nodes[0].register();
  for (let round = 0; round < 60; round++) {
    const [changing, asking] = round % 2 === 0 ? nodes : ([nodes[1], nodes[0]] as const);
    const inForce = round % 3 === 0 ? null : [round % 3 === 1 ? '127.0.0.1' : '127.0.0.2', '10.0.0.0/8'];
    const probes = nodes.map((node) => statusFrom('127.0.0.1', node, account.apiKey));
    assert.equal((await allow(changing, account, inForce)).status, 200);
    const wanted = round % 3 === 2 ? 403 : 200;
    for (const node of [asking, changing, asking]) {
      assert.equal(await statusFrom('127.0.0.1', node, account.apiKey), wanted, `round ${round}`);
    }
    await Promise.all(probes);
  }
});

test('the allowlist and the name outlive a rotation', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  await change(server, account, { name: 'Nightly import', allowed_ips: ['127.0.2.0/24'] });
  const rotated = await server.call('POST', `/api-keys/${account.apiKeyId}/rotate`, { bearer: account.accessToken });
  assert.deepEqual([rotated.json.name, rotated.json.allowed_ips], ['Nightly import', ['127.0.2.0/24']]);
  const { api_key: key } = rotated.json;
  assert.equal(await statusFrom('127.0.0.1', server, key), 403);
  assert.equal(await statusFrom('127.0.2.1', server, key), 200);
  assert.equal(await statusFrom('127.0.2.1', server, account.apiKey), 401);
});

test('the checks run in order: form, credential, browser, address, access, limit, validation', async (t) => {
  // Making the account has spent both.
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_API: '2/hour' });
  const account = await server.register();
  await server.services.apiKeys.update(account.id, account.apiKeyId, { allowed_ips: ['127.0.2.0/24'] }, operator);

  const { apiKey: key } = account;
  const from = async (address: string, method: string, path: string, options: Parameters<typeof callFrom>[4]) =>
    (await callFrom(address, server, method, path, options)).json.code;
  const page = { Origin: 'https://evil.example' };
  const bad = { json: { nonsense: true } };
  const [outside, inside] = ['127.0.0.1', '127.0.2.1'];
  // Each request has every fault from its own on.
  assert.equal(
    await from(outside, 'POST', '/documents/', { key, bearer: 'x', headers: page, ...bad }),
    'invalid_request',
  );
  const wrongKey = `ink_${'0'.repeat(48)}`;
  assert.equal(
    await from(outside, 'POST', '/documents/', { key: wrongKey, headers: page, ...bad }),
    'invalid_credentials',
  );
  assert.equal(await from(outside, 'GET', '/api-keys/', { key, headers: page }), 'key_in_browser');
  assert.equal(await from(outside, 'GET', '/api-keys/', { key }), 'address_not_allowed');
  assert.equal(await from(inside, 'GET', '/api-keys/', { key }), 'session_required');
  assert.equal(await from(inside, 'POST', '/documents/', { key, ...bad }), 'rate_limited');
});

test('a refusal costs no quota, writes nothing, is no use of the key, and shows in usage and audit log', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_API: '20/hour' });
  const account = await server.register();
  await allow(server, account, ['127.0.2.0/24']);
  const inList = { key: account.apiKey };
  await callFrom('127.0.2.1', server, 'GET', '/documents/', inList);
  const used = await keyOf(server, account);
  assert.equal(used.last_used_ip, '127.0.2.1');

  const writes = countWrites(t);
  for (let count = 0; count < 40; count++) {
    const refused = await callFrom('127.0.9.9', server, 'GET', '/documents/', { key: account.apiKey });
    assert.equal(refused.json.code, 'address_not_allowed');
    assert.equal(refused.headers.get('ratelimit'), null);
  }
  assert.equal(writes(), 0, 'nothing was written');
  assert.deepEqual(await keyOf(server, account), used, 'its last use is the one before');
  const after = await callFrom('127.0.2.1', server, 'GET', '/usage/', inList);
  assert.equal(after.status, 200, '40 refusals have not used up a quota of 20');

  await server.services.apiKeys.flushSeenAddresses();
  const seen = await server.services.database.query.selectFrom('api_key_addresses').select('address').execute();
  assert.deepEqual(
    seen.map(({ address }) => address),
    ['127.0.2.1'],
  );
  await server.services.usage.flush();
  const usage = (await callFrom('127.0.2.1', server, 'GET', '/usage/', inList)).json.days.at(-1);
  assert.equal(usage.api_key.refused, 40);

  const [event, ...others] = await eventsOf(server, account, 'address_refused');
  assert.deepEqual(others, []);
  assert.deepEqual(
    [event.count, event.address, event.api_key_id, event.details],
    [40, '127.0.9.9', account.apiKeyId, {}],
  );
});

test('an address that is not known is in no list', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const { apiKeys } = server.services;
  const verify = async () => {
    const key = await apiKeys.verify(account.apiKey, '');
    assert.ok(key);
    return key;
  };
  assert.equal(apiKeys.admit(await verify(), { address: '', isKnown: false }), true);
  await allow(server, account, ['0.0.0.0/0', '::/0']);
  assert.equal(apiKeys.admit(await verify(), { address: '203.0.113.7', isKnown: true }), true);
  // The address is then that of the peer, which the list may well have.
  for (const address of ['', '203.0.113.7']) {
    assert.equal(apiKeys.admit(await verify(), { address, isKnown: false }), false);
  }
});

test('each change is one event that says from what to what, and no change is none', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const long = Array.from({ length: 11 }, (_, last) => `10.0.0.${last}`);
  for (const allowedIps of [['10.0.0.0/8'], ['10.0.0.0/8'], ['10.0.0.0/8', '2001:db8::7'], long, null, null]) {
    assert.equal((await allow(server, account, allowedIps)).status, 200);
  }
  await change(server, account, { name: 'Nightly' });
  await change(server, account, { name: 'Nightly', allowed_ips: null });
  const details = (events: { details: object }[]) => events.map((event) => event.details).toReversed();
  const changed = await eventsOf(server, account, 'allowlist_changed');
  assert.deepEqual(details(changed), [
    { from: 'any address', to: '10.0.0.0/8' },
    { from: '10.0.0.0/8', to: '10.0.0.0/8, 2001:db8::7' },
    { from: '10.0.0.0/8, 2001:db8::7', to: '11 entries' },
    { from: '11 entries', to: 'any address' },
  ]);
  assert.deepEqual(
    [changed[0].address, changed[0].session_id, changed[0].api_key_id],
    ['127.0.0.1', account.sessionId, account.apiKeyId],
  );
  assert.deepEqual(details(await eventsOf(server, account, 'api_key_renamed')), [{ from: 'Default', to: 'Nightly' }]);
});

test('of changes in parallel the last one stays, and the events tell one chain', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, last) => allow(server, account, [`10.0.0.${last}`])),
  );
  assert.ok(answers.every(({ status }) => status === 200));
  await server.services.events.flush();
  const rows = await server.services.database.query
    .selectFrom('events')
    .select('details')
    .where('kind', '=', 'allowlist_changed')
    .execute();
  const next = new Map(rows.map(({ details }) => [JSON.parse(details).from, JSON.parse(details).to]));
  assert.equal(next.size, 20);
  let reached = 'any address';
  for (let step = 0; step < 20; step++) reached = next.get(reached);
  assert.deepEqual((await keyOf(server, account)).allowed_ips, [reached]);
});

test('an event that cannot be written leaves the list as it was', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const { query } = server.services.database;
  await query.schema.alterTable('events').renameTo('elsewhere').execute();
  assert.ok((await allow(server, account, ['192.0.2.7'])).status >= 500);
  await query.schema.alterTable('elsewhere').renameTo('events').execute();
  assert.equal((await keyOf(server, account)).allowed_ips, null);
});

test('every refused entry is named by its place, with the form that was meant, and nothing is changed', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const preview = `/api-keys/${account.apiKeyId}/allowed-ips/preview`;
  const entries = ['10.0.0.0/8', '10.0.0.5/24', '010.0.0.1', '10.0.0.0/33', 'fe80::1%eth0', '::ffff:10.0.0.1', 'x'];
  const wanted = [
    ['/allowed_ips/1', '10.0.0.5/24 has host bits set; did you mean 10.0.0.0/24?'],
    ['/allowed_ips/2', '010.0.0.1 has leading zeros, which some programs read as octal; did you mean 10.0.0.1?'],
    ['/allowed_ips/3', '10.0.0.0/33 has a prefix length that is not 0 to 32.'],
    ['/allowed_ips/4', '"fe80::1%eth0" has a zone, which only means something on one machine; did you mean fe80::1?'],
    ['/allowed_ips/5', '::ffff:10.0.0.1 is IPv4 written as IPv6; did you mean 10.0.0.1?'],
    ['/allowed_ips/6', '"x" is not an IP address or range.'],
  ];
  const shapes: [unknown, string][] = [
    [[], '/allowed_ips'],
    ['10.0.0.0/8', '/allowed_ips'],
    [['10.0.0.0/8', 7], '/allowed_ips/1'],
    [['10.0.0.0/8', null], '/allowed_ips/1'],
    [['1'.repeat(101)], '/allowed_ips/0'],
    [[''], '/allowed_ips/0'],
    [Array.from({ length: 1001 }, (_, index) => `10.0.${index >> 8}.${index & 255}`), '/allowed_ips'],
  ];
  for (const ask of [
    (allowedIps: unknown) => change(server, account, { allowed_ips: allowedIps }),
    (allowedIps: unknown) =>
      server.call('POST', preview, { bearer: account.accessToken, json: { allowed_ips: allowedIps } }),
  ]) {
    const refused = await ask(entries);
    assert.equal(refused.status, 422);
    assert.deepEqual(
      refused.json.errors.map(({ pointer, detail }: { pointer: string; detail: string }) => [pointer, detail]),
      wanted,
    );
    for (const [allowedIps, pointer] of shapes) {
      const { status, json } = await ask(allowedIps);
      assert.equal(status, 422);
      assert.deepEqual(
        json.errors.map((error: { pointer: string }) => error.pointer),
        [pointer],
      );
    }
  }
  for (const json of [{}, { name: '' }, { name: ' ' }, { name: 'a\nb' }, { name: account.apiKey }, { hint: 'x' }]) {
    assert.equal((await change(server, account, json)).status, 422, JSON.stringify(json));
  }
  const most = Array.from({ length: 1000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
  assert.equal((await keyOf(server, account)).allowed_ips, null);
  assert.equal((await keyOf(server, account)).name, 'Default');
  assert.deepEqual((await allow(server, account, most)).json.allowed_ips, most);
});

test('only the owner, signed in and with a fresh proof of the password, changes a key', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const other = await server.register();
  const mine = `/api-keys/${account.apiKeyId}`;
  const json = { allowed_ips: ['192.0.2.7'] };
  for (const [method, path] of [
    ['PATCH', mine],
    ['POST', `${mine}/allowed-ips/preview`],
  ] as const) {
    assert.equal((await server.call(method, path, { key: account.apiKey, json })).json.code, 'session_required');
    assert.equal((await server.call(method, path, { bearer: other.accessToken, json })).status, 404);
    assert.equal((await server.call(method, path, { json })).status, 401);
  }
  await server.services.database.query
    .updateTable('sessions')
    .set({ authenticated_at: sql<number>`authenticated_at - 901000` })
    .execute();
  const stale = await server.call('PATCH', mine, { bearer: account.accessToken, json });
  assert.equal(stale.json.code, 'reauthentication_required');
  const preview = await server.call('POST', `${mine}/allowed-ips/preview`, { bearer: account.accessToken, json });
  assert.equal(preview.status, 200, 'looking needs no fresh proof');
  assert.equal((await keyOf(server, account)).allowed_ips, null);
});
