import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { freePort } from '../../server/src/free-port.ts';
import { bootInksong, rotate } from './inksong-server.ts';
import { send } from './request.ts';

const example = join(import.meta.dirname, '../../examples/fastify');

test('the example takes both schemes, keeps accounts apart, and ends by itself', async (t) => {
  const server = await bootInksong(t);
  const [mine, other] = [await server.register(), await server.register()];
  const port = await freePort('127.0.0.1');
  const { scripts } = JSON.parse(readFileSync(join(example, 'package.json'), 'utf8'));
  assert.equal(scripts.start, 'exec node --conditions=source server.ts');
  const child = spawn(process.execPath, ['--conditions=source', 'server.ts'], {
    cwd: example,
    env: { PATH: process.env.PATH, INKSONG_URL: server.url, PORT: `${port}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  let address: string | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    address = /Server listening at (http:[^"]+)/.exec(line)?.[1];
    if (address !== undefined) break;
  }
  const url = `http://127.0.0.1:${port}`;
  assert.equal(address, url);

  const orders = `${url}/orders`;
  const place = (credential: Parameters<typeof send>[1], item: unknown) =>
    send(orders, { method: 'POST', body: JSON.stringify({ item }), ...credential });
  const { apiKey: key, accessToken: bearer } = mine;
  assert.equal((await send(url)).status, 200);
  assert.equal((await send(orders)).status, 401);
  assert.equal((await place({}, 'ink')).status, 401);
  assert.equal((await place({ key }, 'ink')).status, 201);
  assert.equal((await place({ bearer }, 'paper')).status, 201);
  assert.equal((await place({ key }, {})).status, 400);
  const placed = [
    { id: 1, item: 'ink', orderedBy: 'api_key' },
    { id: 2, item: 'paper', orderedBy: 'bearer' },
  ];
  assert.deepEqual((await send(orders, { key })).json, placed);
  assert.deepEqual((await send(orders, { key: other.apiKey })).json, []);
  assert.equal((await send(orders, { method: 'DELETE', key })).status, 403);
  assert.equal((await send(orders, { method: 'DELETE', bearer: other.accessToken })).status, 204);
  assert.deepEqual((await send(orders, { bearer })).json, placed);
  assert.equal((await send(orders, { method: 'DELETE', bearer })).status, 204);
  assert.deepEqual((await send(orders, { bearer })).json, []);
  await rotate(server, mine);
  assert.equal((await send(orders, { key })).status, 401);

  child.kill('SIGTERM');
  assert.deepEqual(await exited, [0, null]);
});
