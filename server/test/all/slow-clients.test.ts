import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setInterval as every } from 'node:timers/promises';
import { goodPassword, send } from '../boot.ts';
import { temporaryFolder } from '../run-inksong.ts';
import { type SpawnedServer, spawnServer } from '../spawn-server.ts';

/** The longest limit, the longest time between two looks, and what a busy machine may add. */
const cutWithinMs = 15_000 + 2_000 + 8_000;
/** Bounds the test when nothing is cut at all. */
const givenUpMs = 35_000;

/** Returns how many connections from these ports the server still holds; one that it has closed belongs to no process. */
function held(server: SpawnedServer, clientPorts: ReadonlySet<number>): number {
  const serverPort = Number(new URL(server.url).port);
  const portOf = (end = ''): number => Number.parseInt(end.split(':')[1] ?? '', 16);
  const ports = readFileSync('/proc/net/tcp', 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , , , , , , , inode]) => portOf(local) === serverPort && inode !== '0')
    .map(([, , remote]) => portOf(remote))
    .filter((port) => clientPorts.has(port));
  // The table is read while it changes, and may show a connection twice.
  return new Set(ports).size;
}

/** Opens connections that each send `first` and then, unless it is empty, `more` every second. Readers never read. */
function slowClients(t: TestContext, server: SpawnedServer, count: number, first: string, more: string): Socket[] {
  const { hostname, port } = new URL(server.url);
  return Array.from({ length: count }, () => {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.write(first);
    if (more === '') socket.pause();
    else {
      socket.resume();
      const timer = setInterval(() => socket.writable && socket.write(more), 1_000).unref();
      socket.once('close', () => clearInterval(timer));
    }
    t.after(() => socket.destroy());
    return socket;
  });
}

test('200 slow clients are cut in time, and a good client beside them is always served', async (t) => {
  const server = await spawnServer(t, temporaryFolder(t));
  const registered = await send(`${server.url}/api/v1/auth/register`, 'POST', {
    json: { email: 'you@example.com', password: goodPassword },
  });
  const key: string = registered.json.api_key;
  const form = new FormData();
  form.append('file', new Blob([new Uint8Array(25 * 1024 * 1024 - 1)]), 'large.bin');
  const large = await send(`${server.url}/api/v1/documents/`, 'POST', { key, body: form });
  assert.equal(large.status, 201);

  const statuses: number[] = [];
  const served = async (): Promise<void> => {
    const answer = await fetch(`${server.url}/api/v1/me`, { headers: { 'X-API-Key': key } }).catch(() => null);
    await answer?.arrayBuffer();
    statuses.push(answer?.status ?? 0);
  };
  await served();

  const startedMs = performance.now();
  const host = 'Host: localhost\r\n';
  const slow = [
    ...slowClients(t, server, 80, `GET /api/v1/me HTTP/1.1\r\n${host}`, 'X-Slow: 1\r\n'),
    ...slowClients(
      t,
      server,
      80,
      `POST /api/v1/auth/login HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n`,
      ' ',
    ),
    ...slowClients(
      t,
      server,
      40,
      `GET /api/v1/documents/${large.json.id}/content HTTP/1.1\r\n${host}X-API-Key: ${key}\r\n\r\n`,
      '',
    ),
  ];
  await Promise.all(slow.map((socket) => socket.readyState === 'open' || once(socket, 'connect')));

  const ports = new Set(slow.map(({ localPort }) => localPort ?? 0));
  let most = 0;
  let cutAfterMs: number | null = null;
  const pending: Promise<void>[] = [];
  for await (const _ of every(50)) {
    pending.push(served());
    const now = held(server, ports);
    most = Math.max(most, now);
    const elapsedMs = performance.now() - startedMs;
    if (most === slow.length && now === 0) cutAfterMs = elapsedMs;
    if (cutAfterMs !== null || elapsedMs > givenUpMs) break;
  }
  await Promise.all(pending);

  assert.equal(most, slow.length, 'all slow connections were held at once');
  assert.ok(cutAfterMs !== null, `${held(server, ports)} slow connections were still open`);
  assert.ok(cutAfterMs < cutWithinMs, `the last was cut after ${Math.round(cutAfterMs)} ms`);
  assert.deepEqual([...new Set(statuses)], [200]);
  t.diagnostic(`all cut after ${Math.round(cutAfterMs)} ms; ${statuses.length} good requests`);
});
