import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Agent, get, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { freePort } from '../src/free-port.ts';
import { goodPassword, send } from './boot.ts';
import { fileForm } from './documents-upload.ts';
import { type Running, runInksong, startInksong, temporaryFolder } from './run-inksong.ts';
import { databaseSettings, testEngine } from './test-database.ts';

interface Server extends Running {
  url: string;
  port: number;
}

async function startServer(t: TestContext, environment: Record<string, string> = {}): Promise<Server> {
  const { INKSONG_DATA_DIR = join(temporaryFolder(t), 'data') } = environment;
  const database = await databaseSettings(t, INKSONG_DATA_DIR, 'empty');
  // On PostgreSQL the address must be said beforehand.
  const { PORT = testEngine === 'sqlite' ? '0' : String(await freePort('127.0.0.1')) } = environment;
  const address = testEngine === 'postgres' && { INKSONG_PUBLIC_URL: `http://localhost:${PORT}` };
  const running = startInksong(t, ['serve'], {
    environment: { ...database, ...address, ...environment, PORT, INKSONG_DATA_DIR },
  });
  const [, url = ''] = await running.seen(/Inksong is up at (\S+) /);
  return { ...running, url, port: Number(new URL(url).port) };
}

/** Starts a request whose body is still on its way; `finish` sends the rest and returns the answer's status. */
async function requestInProgress({ port }: Server): Promise<{ finish(): Promise<number | undefined> }> {
  const body = JSON.stringify({ email: 'late@example.com', password: goodPassword });
  const started = request({
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/api/v1/auth/register',
    headers: { 'Content-Type': 'application/json', 'Content-Length': body.length },
  });
  const answered = once(started, 'response');
  answered.catch(() => {});
  started.flushHeaders();
  started.write(body.slice(0, 10));
  // Another request that was answered after it shows that the server has read this one's head.
  assert.equal((await send(`http://127.0.0.1:${port}/healthz`, 'GET')).status, 200);
  return {
    async finish() {
      started.end(body.slice(10));
      const [response] = await answered;
      response.resume();
      await once(response, 'end');
      // Kept alive, the connection would hold the stop up until it is cut.
      assert.equal(response.headers.connection, 'close');
      return response.statusCode;
    },
  };
}

test('the address that is printed can be reached, and tokens made there are good there', async (t) => {
  const server = await startServer(t);
  const answer = await send(`${server.url}/api/v1/auth/register`, 'POST', {
    json: { email: 'ada@example.com', password: goodPassword },
  });
  assert.equal(answer.status, 201, String(answer.bytes));
  const [, claims = ''] = answer.json.access_token.split('.');
  assert.equal(JSON.parse(Buffer.from(claims, 'base64url').toString()).iss, server.url);
  assert.equal((await send(`${server.url}/api/v1/me`, 'GET', { bearer: answer.json.access_token })).status, 200);
});

test('standard output is the log, one JSON object a line; the greeting goes to standard error', async (t) => {
  const server = await startServer(t);
  server.signal('SIGTERM');
  const { stdout, stderr } = await server.finished;
  for (const line of stdout.trimEnd().split('\n')) assert.equal(typeof JSON.parse(line).msg, 'string');
  assert.match(stderr, /make an account here and get its API key/);
  assert.doesNotMatch(stderr, /[Ww]arning/);
});

test('SIGTERM lets a request in progress finish, then the process ends with 0', async (t) => {
  const server = await startServer(t);
  const { finish } = await requestInProgress(server);
  server.signal('SIGTERM');
  await refusesConnections(server);
  assert.equal(await finish(), 201);
  assert.equal((await server.finished).code, 0);
});

test('a second SIGINT, as npm sends it, neither cuts a request nor changes the exit code', async (t) => {
  const server = await startServer(t);
  const { finish } = await requestInProgress(server);
  server.signal('SIGINT');
  await refusesConnections(server);
  server.signal('SIGINT');
  server.signal('SIGTERM');
  assert.equal(await finish(), 201);
  assert.equal((await server.finished).code, 0);
});

test('connections that are kept alive or never spoke do not hold a stop up', async (t) => {
  const server = await startServer(t);
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const asked = get({ port: server.port, host: '127.0.0.1', path: '/healthz', agent });
  const [idle] = await once(asked, 'socket');
  const [response] = await once(asked, 'response');
  response.resume();
  await once(response, 'end');
  const silent = connect(server.port, '127.0.0.1');
  silent.on('error', () => {});
  await once(silent, 'connect');
  const { finish } = await requestInProgress(server);

  const closed = [once(idle, 'close'), once(silent, 'close')];
  server.signal('SIGTERM');
  await Promise.all(closed);
  // Closed at once: with the rest, after eight seconds, the request in progress would have been cut too.
  assert.equal(await finish(), 201);
  assert.equal((await server.finished).code, 0);
});

test('a download that a stop meets is finished, and then its connection does not hold the stop up', async (t) => {
  const server = await startServer(t);
  const account = { email: 'reader@example.com', password: goodPassword };
  const { api_key: key } = (await send(`${server.url}/api/v1/auth/register`, 'POST', { json: account })).json;
  const bytes = Buffer.alloc(20 * 1024 * 1024);
  const { id } = (await send(`${server.url}/api/v1/documents/`, 'POST', { key, body: fileForm(bytes) })).json;
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const path = `/api/v1/documents/${id}/content`;
  const asked = get({ port: server.port, host: '127.0.0.1', path, headers: { 'X-API-Key': key }, agent });
  const [response] = await once(asked, 'response');
  // Nobody knew of the stop yet, and more is on its way than the connection takes while nobody reads.
  assert.equal(response.headers.connection, 'keep-alive');
  const { finish } = await requestInProgress(server);

  server.signal('SIGTERM');
  await server.seen(/"stopping: /);
  const closed = once(response.socket, 'close');
  let length = 0;
  for await (const piece of response) length += piece.length;
  assert.equal(length, bytes.length);
  await closed;
  // Not with the rest, which would have been cut after eight seconds.
  assert.equal(await finish(), 201);
  assert.equal((await server.finished).code, 0);
});

test('a client that hangs cannot keep the process for ten seconds', async (t) => {
  const server = await startServer(t);
  await requestInProgress(server);
  const stoppedAt = performance.now();
  server.signal('SIGTERM');
  assert.equal((await server.finished).code, 0);
  assert.ok(performance.now() - stoppedAt < 10_000);
});

test('with INKSONG_DRAIN_SECONDS, SIGTERM first turns /readyz to 503 while all else is answered; Ctrl-C cuts that short', async (t) => {
  const server = await startServer(t, { INKSONG_DRAIN_SECONDS: '300' });
  const { finish } = await requestInProgress(server);
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  server.signal('SIGTERM');
  await server.seen(/"leaving: /);
  const ask = async (path: string) => {
    const [answer] = await once(get({ port: server.port, host: '127.0.0.1', path, agent }), 'response');
    answer.resume();
    await once(answer, 'end');
    // Whoever keeps connections finds none that the stop is about to close.
    assert.equal(answer.headers.connection, 'close', path);
    return answer.statusCode;
  };
  assert.equal(await ask('/readyz'), 503);
  assert.equal(await ask('/healthz'), 200);
  assert.equal(await ask('/api/v1/auth/config'), 200);
  assert.equal(await finish(), 201);
  server.signal('SIGINT');
  assert.equal((await server.finished).code, 0);
});

test('once INKSONG_DRAIN_SECONDS have passed, the server stops as it would have without', async (t) => {
  const server = await startServer(t, { INKSONG_DRAIN_SECONDS: '1' });
  const stoppedAt = performance.now();
  server.signal('SIGTERM');
  await server.seen(/"leaving: /);
  await refusesConnections(server);
  assert.ok(performance.now() - stoppedAt >= 1_000);
  assert.equal((await server.finished).code, 0);
});

test('Ctrl-C does not wait for balancers', async (t) => {
  const server = await startServer(t, { INKSONG_DRAIN_SECONDS: '300' });
  server.signal('SIGINT');
  const { code, stdout } = await server.finished;
  assert.equal(code, 0);
  assert.doesNotMatch(stdout, /"leaving: /);
});

test('an error that nobody caught is one fatal line, then the server drains and ends with 1', async (t) => {
  for (const fault of ['throw new Error("planted")', 'Promise.reject(new Error("planted"))']) {
    // Loaded into the real process: on SIGUSR2 it fails as forgotten code would.
    const preload = `data:text/javascript,process.on('SIGUSR2',()=>{${encodeURIComponent(fault)}})`;
    const server = await startServer(t, { NODE_OPTIONS: `--import=${preload}` });
    const { finish } = await requestInProgress(server);
    server.signal('SIGUSR2');
    await refusesConnections(server);
    assert.equal(await finish(), 201);
    const { code, stdout, stderr } = await server.finished;
    assert.equal(code, 1);
    const fatal = stdout.split('\n').filter((line) => line.includes('"level":"fatal"'));
    assert.equal(fatal.length, 1, stdout);
    assert.match(fatal[0] ?? '', /planted/);
    assert.doesNotMatch(stderr, /^\s+at /m);
  }
});

test('a server loads no HTTP client, as an import of node:http would', async (t) => {
  const tell = 'process.once("exit", () => process.stderr.write(process.moduleLoadList.join("\\n")))';
  const loaded = await whatAServerTells(t, tell);
  assert.ok(loaded.includes('NativeModule http'), 'what is loaded is told');
  assert.ok(!loaded.includes('NativeModule internal/deps/undici/undici'));
});

test('a start loads Kysely and TypeBox as few files, and not yet what a token, a password or a mail needs', async (t) => {
  const tell = `
    import { registerHooks } from 'node:module';
    registerHooks({ load: (url, context, next) => (process.stderr.write(url + '\\n'), next(url, context)) });`;
  const loaded = await whatAServerTells(t, tell);
  for (const wanted of [
    '/server/dist/packages/kysely.js',
    '/server/dist/packages/typebox.js',
    '/node_modules/fastify/',
  ]) {
    assert.ok(
      loaded.some((url) => url.includes(wanted)),
      `${wanted} is told of`,
    );
  }
  for (const name of [
    'kysely',
    'typebox',
    'jose/dist/webapi/jwt',
    '@node-rs/argon2',
    '@zxcvbn-ts',
    'nodemailer',
    'commander',
  ]) {
    const early = loaded.filter((url) => url.includes(`/node_modules/${name}/`));
    assert.deepEqual(early, [], name);
  }
});

/** Returns the lines that a script told on standard error which a server was made to load before anything else. */
async function whatAServerTells(t: TestContext, script: string): Promise<string[]> {
  const server = await startServer(t, { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` });
  server.signal('SIGTERM');
  return (await server.finished).stderr.split('\n');
}

test('a stop during the start is an orderly one', async (t) => {
  const dataDirectory = join(temporaryFolder(t), 'data');
  const database = await databaseSettings(t, dataDirectory, 'empty');
  const environment = { ...database, PORT: '0', INKSONG_DATA_DIR: dataDirectory };
  const server = startInksong(t, ['serve'], { environment });
  // The folder is the first thing a start makes.
  while (!existsSync(dataDirectory)) await new Promise((resolve) => setImmediate(resolve));
  server.signal('SIGTERM');
  assert.equal((await server.finished).code, 0);
});

test('the second start on a data folder migrates nothing and keeps the secret', async (t) => {
  const environment = { INKSONG_DATA_DIR: join(temporaryFolder(t), 'data') };
  const first = await startServer(t, environment);
  const registered = await send(`${first.url}/api/v1/auth/register`, 'POST', {
    json: { email: 'ada@example.com', password: goodPassword },
  });
  first.signal('SIGTERM');
  await first.finished;
  const second = await startServer(t, { ...environment, PORT: String(first.port) });
  const me = await send(`${second.url}/api/v1/me`, 'GET', { bearer: registered.json.access_token });
  assert.equal(me.status, 200);
  second.signal('SIGTERM');
  assert.doesNotMatch((await second.finished).stdout, /database migrated/);
});

test('PORT=0 without a public URL makes no links that lead nowhere', async (t) => {
  const environment = { INKSONG_DATA_DIR: join(temporaryFolder(t), 'data'), PORT: '0' };
  await runInksong(t, ['migrate'], { environment });
  const { code, stderr } = await runInksong(t, ['accounts', 'create', 'ada@example.com'], { environment });
  assert.equal(code, 1);
  assert.match(stderr, /^The link needs an address: set INKSONG_PUBLIC_URL/);
});

/** Resolves once the server has stopped listening, which is the first thing a stop does. */
async function refusesConnections({ port }: Server): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const refused = await new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(true));
      socket.once('connect', () => resolve(false));
    });
    socket.destroy();
    if (refused) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
