import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEnv } from 'node:util';
import { goodPassword, temporaryDirectory, unlimited } from '../boot.ts';
import { Page } from '../samples.ts';
import { type SpawnedServer, spawnServer } from '../spawn-server.ts';
import { askProxy, startProxy } from './proxies.ts';

const page = new Page('docs/several-nodes.md');
const environment = {
  ...unlimited,
  ...(parseEnv(page.take('Health checks', 'env').code) as Record<string, string>),
  INKSONG_PUBLIC_URL: 'https://api.example.com',
  INKSONG_TRUSTED_PROXIES: '127.0.0.1',
  INKSONG_SIGNUP: 'open',
};
const configurations = { haproxy: page.take('HAProxy', 'haproxy').code, nginx: page.take('nginx', 'nginx').code };
// Settings, which another test reads; and commands for root.
page.take('Several processes on one machine', 'env');
page.take('systemd', 'text');

test('every configuration of the page is run', () => {
  assert.deepEqual(
    page.left(() => true),
    [],
  );
});

for (const name of ['haproxy', 'nginx'] as const) {
  test(`behind ${name} as the page sets it up, two nodes answer as one, and restarting each in turn fails no request`, async (t) => {
    const folder = temporaryDirectory(t);
    const start = (port = '0') =>
      // nginx asks no health checks, so it has nothing to wait for.
      spawnServer(t, folder, { ...environment, ...(name === 'nginx' && { INKSONG_DRAIN_SECONDS: '0' }), PORT: port });
    const nodes: SpawnedServer[] = [await start(), await start()];
    const [first, second] = nodes.map(({ url }) => new URL(url).host);
    const port = await startProxy(t, name, configurations[name], {
      replace: { '10.0.0.11:8080': first ?? '', '10.0.0.12:8080': second ?? '' },
    });
    const ask = (method: string, path: string, headers: Record<string, string> = {}, json?: unknown) =>
      askProxy(port, {
        method,
        path: `/api/v1${path}`,
        headers: { ...headers, ...(json !== undefined && { 'Content-Type': 'application/json' }) },
        ...(json !== undefined && { body: JSON.stringify(json) }),
      });
    const registered = await ask('POST', '/auth/register', {}, { email: 'ada@example.com', password: goodPassword });
    assert.equal(registered.status, 201, JSON.stringify(registered.json));
    const bearer = { Authorization: `Bearer ${registered.json.access_token}` };
    const [{ id }] = (await ask('GET', '/api-keys/', bearer)).json.items;
    let key: string = registered.json.api_key;
    for (let round = 0; round < 10; round++) {
      const rotated = await ask('POST', `/api-keys/${id}/rotate`, bearer);
      assert.equal(rotated.status, 200);
      const statuses = (known: string) =>
        Promise.all(Array.from({ length: 4 }, async () => (await ask('GET', '/me', { 'X-API-Key': known })).status));
      assert.deepEqual(await statuses(key), [401, 401, 401, 401], `round ${round}`);
      key = rotated.json.api_key;
      assert.deepEqual(await statuses(key), [200, 200, 200, 200], `round ${round}`);
    }

    let restarting = true;
    const counts = { sent: 0, other: [] as string[] };
    const caller = async (n: number): Promise<void> => {
      while (restarting) {
        counts.sent++;
        const answer = await (n === 0
          ? ask('POST', '/documents/', { 'X-API-Key': key }, { title: 'Note', content: 'x'.repeat(1000) })
          : ask('GET', '/me', { 'X-API-Key': key })
        ).catch((error: Error) => ({ status: 0, bytes: error.message }));
        if (answer.status !== (n === 0 ? 201 : 200)) counts.other.push(`${answer.status} ${answer.bytes}`);
      }
    };
    const callers = Promise.all(Array.from({ length: 4 }, (_, n) => caller(n)));
    for (const [index, node] of nodes.entries()) {
      const { port } = new URL(node.url);
      assert.equal(await node.stop(), 0);
      const before = counts.sent;
      nodes[index] = await start(port);
      assert.ok(counts.sent > before, 'the other went on');
      // The next may go once the proxy has seen this one back.
      while (!(await answered(nodes[index] as SpawnedServer))) await ask('GET', '/me', { 'X-API-Key': key });
    }
    restarting = false;
    await callers;
    assert.deepEqual(counts.other, []);
    assert.deepEqual(await Promise.all(nodes.map((node) => node.stop())), [0, 0]);
  });
}

/** Tells whether a node's log shows a request that came through the proxy. */
async function answered({ outputLines }: SpawnedServer): Promise<boolean> {
  return outputLines.some((line) => line.includes('"route":"/api/v1/me"'));
}
