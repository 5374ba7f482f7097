import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { PostgresDoubt } from './postgres-doubt.ts';
import { PostgresPool } from './postgres-pool.ts';

/** AuthenticationOk and ReadyForQuery, of https://www.postgresql.org/docs/current/protocol-message-formats.html. */
const welcome = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49]);

/** What lets anybody in and then stands still: it neither reads on nor closes. */
async function stillServer(t: TestContext) {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => socket.pause().write(welcome));
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, sockets };
}

test('connections that are thrown away let go of their sockets though the server says nothing', async (t) => {
  const { port, sockets } = await stillServer(t);
  const address = {
    engine: 'postgres',
    host: '127.0.0.1',
    port,
    database: 'd',
    user: 'u',
    password: null,
    tls: null,
  } as const;
  const pool = new PostgresPool(address, 3, new PostgresDoubt(async () => true));
  t.after(() => pool.close());
  const taken = await Promise.all([pool.take(), pool.take(), pool.take()]);
  for (const client of taken) client.release();
  pool.distrustIdle();
  // The system answers for a socket that is gone: what is sent to it comes back as an error.
  while (sockets.some((socket) => !socket.destroyed)) {
    for (const socket of sockets) if (!socket.destroyed) socket.write('?');
    await setImmediate();
  }
  assert.equal(sockets.length, 3);
});
