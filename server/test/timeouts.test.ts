import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setInterval as every } from 'node:timers/promises';
import { defaultTimeLimits, type TimeLimits } from '../src/http/time-limits.ts';
import { bootServer, type TestServer } from './boot.ts';
import { eventually, fileForm, slowUpload, storageOf } from './documents-upload.ts';

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

/** Short enough not to wait for; long enough that a client which is not slow is never taken for one. */
const short: TimeLimits = {
  headersMs: 300,
  bodyMs: 400,
  idleMs: 400,
  minimumBytesPerSecond: 64 * kibibyte,
  rateWindowMs: 800,
  checkEveryMs: 20,
  headersCheckEveryMs: 20,
  keepAliveMs: 5_000,
  lingerMs: 200,
};
/** Nothing is cut for a reason other than the one that is tested. */
const hour = 3_600_000;
const patient: TimeLimits = { ...short, headersMs: hour, bodyMs: hour, idleMs: hour, rateWindowMs: hour };
/** A connection that is not cut would keep a test waiting. */
const limit = { timeout: 60_000 };

/** Sends a few bytes again and again until the connection ends. */
async function trickle(socket: Socket, bytes: string | Buffer, everyMs = 30): Promise<void> {
  for await (const _ of every(everyMs)) {
    if (socket.destroyed || !socket.writable) return;
    socket.write(bytes);
  }
}

/** A reset is an end too. */
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())));

const connections = (server: TestServer): Promise<number> =>
  new Promise((resolve, reject) =>
    server.app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );

const uploadHead = (key: string): string[] => [
  'POST /api/v1/documents/ HTTP/1.1',
  `X-API-Key: ${key}`,
  'Content-Type: multipart/form-data; boundary=x',
  `Content-Length: ${20 * mebibyte}`,
];
const filePart = '--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n';

test(
  'by default headers have 10 s, bodies 15 s, and transfers must move: every 10 s, and 8 KiB/s',
  limit,
  async (t) => {
    assert.deepEqual(defaultTimeLimits, {
      headersMs: 10_000,
      bodyMs: 15_000,
      idleMs: 10_000,
      minimumBytesPerSecond: 8_192,
      rateWindowMs: 15_000,
      checkEveryMs: 1_000,
      headersCheckEveryMs: 2_000,
      keepAliveMs: 72_000,
      lingerMs: 1_000,
    });
    const { server } = (await bootServer(t)).app;
    assert.equal(server.headersTimeout, 10_000);
    assert.equal(server.keepAliveTimeout, 72_000);
  },
);

test('a request whose headers take too long gets 408, and the connection ends', limit, async (t) => {
  const server = await bootServer(t, {}, { ...patient, headersMs: short.headersMs });
  for (const sent of ['', 'GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\n']) {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    t.after(() => socket.destroy());
    let received = '';
    socket.setEncoding('latin1').on('data', (text) => {
      received += text;
    });
    socket.on('error', () => {});
    socket.write(sent);
    if (sent !== '') void trickle(socket, 'X-Slow: 1\r\n');
    await closed(socket);
    assert.match(received, /^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/);
  }
});

test(
  'a JSON body that takes too long gets 408, on a route that is refused anyhow the connection just ends',
  limit,
  async (t) => {
    const server = await bootServer(t, {}, { ...patient, bodyMs: short.bodyMs });
    const { apiKey, accessToken } = await server.register();
    const json = ['Content-Type: application/json', 'Content-Length: 1000'];
    const ask = async (...head: string[]): Promise<string> => {
      const { socket, received } = slowUpload(t, server, [...head, ...json]);
      void trickle(socket, ' ');
      await closed(socket);
      return received();
    };
    const key = `X-API-Key: ${apiKey}`;
    for (const head of [
      ['POST /api/v1/auth/login HTTP/1.1'],
      ['POST /api/v1/documents/ HTTP/1.1', key],
      [`PATCH /api/v1/documents/doc_${'0'.repeat(32)} HTTP/1.1`, key],
      ['POST /api/v1/auth/reauthenticate HTTP/1.1', `Authorization: Bearer ${accessToken}`],
    ]) {
      const answer = await ask(...head);
      assert.match(answer, /^HTTP\/1\.1 408 /, `${head[0]}: ${answer}`);
      assert.match(answer, /\r\nconnection: close\r\n/i);
      assert.match(answer, /"code":"request_timeout"/);
      assert.equal(answer.match(/HTTP\/1\.1/g)?.length, 1, 'one answer');
    }
    for (const [head, status] of [
      ['POST /api/v1/auth/reauthenticate HTTP/1.1', 401],
      ['POST /api/v1/nothing HTTP/1.1', 404],
      ['DELETE /api/v1/documents/ HTTP/1.1', 405],
      ['PUT /api/v1/documents/doc_0/content HTTP/1.1', 401],
    ] as const) {
      assert.match(await ask(head), new RegExp(`^HTTP/1\\.1 ${status} `), head);
    }
    await eventually(async () => (await connections(server)) <= 1);
  },
);

for (const [name, limits, send] of [
  [
    'stands still',
    { ...patient, idleMs: short.idleMs },
    async (socket: Socket) => void socket.write(Buffer.alloc(mebibyte)),
  ],
  [
    'is under the rate',
    { ...patient, minimumBytesPerSecond: short.minimumBytesPerSecond, rateWindowMs: short.rateWindowMs },
    async (socket: Socket) => {
      socket.write(Buffer.alloc(mebibyte));
      await trickle(socket, Buffer.alloc(100));
    },
  ],
] as const) {
  test(`an upload that ${name} is cut and leaves nothing behind`, limit, async (t) => {
    const server = await bootServer(t, {}, limits);
    const { apiKey, id } = await server.register();
    const { socket } = slowUpload(t, server, uploadHead(apiKey));
    socket.write(filePart);
    const sent = send(socket);
    await closed(socket);
    await sent;
    await eventually(async () => (await storageOf(server, id)).versions.every(({ released_at }) => released_at === 0));
    for (let slice = 0; slice < 10; slice++) await server.services.documents.purge();
    assert.equal((await storageOf(server, id)).storedBytes, 0);
    assert.deepEqual((await server.call('GET', '/documents/', { key: apiKey })).json.items, []);
  });
}

test('an upload that is slow but keeps moving is taken, however long it lasts', limit, async (t) => {
  const limits = { ...short, idleMs: 3_000, minimumBytesPerSecond: 16 * kibibyte };
  const server = await bootServer(t, {}, limits);
  const { apiKey } = await server.register();
  const body = Buffer.concat([Buffer.from(filePart), Buffer.alloc(2 * mebibyte), Buffer.from('\r\n--x--\r\n')]);
  const { socket, received } = slowUpload(t, server, [
    ...uploadHead(apiKey).slice(0, -1),
    `Content-Length: ${body.length}`,
  ]);
  const startedMs = performance.now();
  for (let at = 0; at < body.length; at += 64 * kibibyte) {
    socket.write(body.subarray(at, at + 64 * kibibyte));
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  await eventually(() => /^HTTP\/1\.1 201 /.test(received()));
  assert.ok(performance.now() - startedMs > 2 * Math.max(limits.bodyMs, limits.rateWindowMs));
});

/** Uploads 25 MiB and begins to download them on a socket of its own, which is paused; `cut` tells of the server's end. */
async function download(t: TestContext, limits: TimeLimits): Promise<{ socket: Socket; cut: Promise<void> }> {
  const inForce = { ...patient };
  const server = await bootServer(t, {}, inForce);
  const { apiKey: key } = await server.register();
  const made = await server.call('POST', '/documents/', { key, body: fileForm(new Uint8Array(25 * mebibyte - 1)) });
  assert.equal(made.status, 201);
  // Not before: on a busy machine the upload would be too slow itself.
  Object.assign(inForce, limits);
  const { hostname, port } = new URL(server.url);
  const accepted = once(server.app.server, 'connection') as Promise<[Socket]>;
  const socket = connect(Number(port), hostname);
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  const [serverSide] = await accepted;
  socket.write(
    `GET /api/v1/documents/${made.json.id}/content HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${key}\r\nConnection: close\r\n\r\n`,
  );
  await once(socket, 'readable');
  return { socket, cut: closed(serverSide) };
}

test('a download whose reader stops is cut', limit, async (t) => {
  const { cut } = await download(t, { ...patient, idleMs: short.idleMs });
  await cut;
});

test('a download whose reader is under the rate is cut', limit, async (t) => {
  const limits = { ...patient, minimumBytesPerSecond: 4 * mebibyte, rateWindowMs: short.rateWindowMs };
  const { socket, cut } = await download(t, limits);
  const reading = setInterval(() => socket.read(kibibyte), 20);
  t.after(() => clearInterval(reading));
  await cut;
});

test(
  'a download whose reader is slow but keeps moving arrives whole, whatever the kernel holds ahead of it',
  limit,
  async (t) => {
    const limits = { ...short, idleMs: 1_200, rateWindowMs: 2_400 };
    const { socket } = await download(t, limits);
    let bytes = 0;
    const startedMs = performance.now();
    // At 400 KiB/s a kernel that holds megabytes asks for more only every few seconds.
    for await (const _ of every(50)) {
      bytes += socket.read(Math.min(20 * kibibyte, socket.readableLength))?.length ?? 0;
      if (performance.now() - startedMs > 4 * limits.idleMs) break;
    }
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    await closed(socket);
    assert.ok(bytes > 25 * mebibyte - 1, `${bytes} bytes came`);
  },
);
