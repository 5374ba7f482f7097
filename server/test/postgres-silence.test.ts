import assert from 'node:assert/strict';
import { before, mock, type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { openDatabase } from '../src/database/database.ts';
import { parseDatabaseUrl } from '../src/database/database-url.ts';
import { statementRun } from '../src/database/statement-run.ts';
import { bootServer } from './boot.ts';
import { slowUpload } from './documents-upload.ts';
import { OwnCluster } from './own-cluster.ts';
import { openUnsteadyWay } from './unsteady-way.ts';

const own = new OwnCluster();

// One clock for the file: what a test leaves behind may still put its timers off when the next has begun.
before(() => mock.timers.enable({ apis: ['setTimeout'] }));
const tick = (ms: number): void => mock.timers.tick(ms);

/** A statement's, and that for a new connection. */
const patienceMs = 3_000;
const graceMs = 500;

/** Long enough for the busiest machine; only what never comes about is waited for so long. */
const longestMs = 30_000;

/** Looks again and again, while this test's clock stands still. */
async function eventually(isSo: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + longestMs;
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) assert.fail(`It never came to pass: ${what}.`);
    await setImmediate();
  }
}

/** Resolves as `promise` does; fails when that takes a clock that goes on. */
async function atOnce<T>(promise: Promise<T>, what: string): Promise<T> {
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  promise.then(settle, settle);
  await eventually(() => isSettled, what);
  return promise;
}

/** A server whose way to the database can be closed, and a clock that goes on only when told to. */
async function onUnsteadyWay(t: TestContext, settings: Record<string, string> = {}) {
  const { environment } = await own.migratedDatabase(t);
  const way = await openUnsteadyWay(t, own.cluster.port);
  const url = new URL(environment.DATABASE_URL);
  url.port = String(way.port);
  const server = await bootServer(t, { ...environment, DATABASE_URL: url.href, ...settings });
  const account = await server.register();
  const { probe } = server.services.database;
  // All the connections there may be, idle again.
  await Promise.all(Array.from({ length: 30 }, () => probe()));
  await Promise.all(Array.from({ length: 30 }, () => server.services.apiKeys.verify(account.apiKey, '127.0.0.1')));
  const statements: string[] = [];
  t.after(statementRun.listen(({ sql }) => statements.push(sql)));
  return {
    server,
    account,
    probe,
    way,
    /** Those that were answered, or given up. */
    statements,
    key: () => server.call('GET', '/me', { key: account.apiKey }).then(({ status }) => status),
  };
}

/** 'answered', or the code of the error, of each. */
const outcomes = async (asked: Promise<unknown>[]): Promise<string[]> =>
  (await Promise.allSettled(asked)).map((one) => (one.status === 'fulfilled' ? 'answered' : one.reason.code));

test('while the database is silent an upload under way waits for it once, not at each of its steps, and who comes next not at all', async (t) => {
  const { server, account, way, statements, key } = await onUnsteadyWay(t);
  const part = '--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n';
  const rest = 'text\r\n--x--\r\n';
  const uploads = ['first', 'second', 'third', 'fourth'].map((name) => {
    const upload = slowUpload(t, server, [
      'POST /api/v1/documents/ HTTP/1.1',
      `X-API-Key: ${account.apiKey}`,
      `Idempotency-Key: "${name}"`,
      'Content-Type: multipart/form-data; boundary=x',
      `Content-Length: ${part.length + rest.length}`,
    ]);
    upload.socket.write(part);
    return upload;
  });
  const begun = () => statements.filter((text) => text.startsWith('insert into "content_versions"')).length;
  await eventually(() => begun() === uploads.length, 'the uploads have begun');

  // It greets, as PgBouncer does for a server that stands still: so the next connection is no proof of anything.
  way.swallow('swallowed after the greeting');
  statements.length = 0;
  for (const { socket } of uploads) socket.write(rest);
  await eventually(() => way.swallowed() > 0, 'the first has sent its bytes to the database');
  tick(patienceMs);
  await eventually(() => statements.length > 0, 'the first has given up');
  const sent = way.swallowed();
  await eventually(() => way.swallowed() > sent, 'the server is asked, and not only greeted');
  tick(graceMs);
  await eventually(() => uploads.every(({ received }) => received().includes('\r\n\r\n')), 'all are answered');
  for (const { received } of uploads) assert.match(received(), /^HTTP\/1\.1 503 /);
  assert.equal(await atOnce(key(), 'a key is answered'), 503);
  const json = { title: 'next', content: 'text' };
  const next = server.call('POST', '/documents/', { key: account.apiKey, json });
  assert.equal((await atOnce(next, 'another upload is answered')).status, 503);
  assert.deepEqual(statements.slice(1), [], 'nobody else asked a silent server anything');

  way.heal();
  await eventually(async () => {
    tick(100);
    return (await key()) === 200;
  }, 'service is back');
  assert.equal((await server.call('POST', '/documents/', { key: account.apiKey, json })).status, 201);
});

for (const fate of ['swallowed', 'swallowed after the greeting'] as const) {
  test(`when the database falls silent, those who wait in line for a connection are told too, what is new being ${fate}`, async (t) => {
    const { probe, way, statements } = await onUnsteadyWay(t, { INKSONG_DATABASE_CONNECTIONS: '2' });
    way.swallow(fate);
    const first = outcomes([probe()]);
    await eventually(() => way.swallowed() > 0, 'the first is under way');
    tick(patienceMs - 1_000);
    const line = outcomes(Array.from({ length: 20 }, () => probe()));
    const made = way.made();
    tick(1_000);
    assert.deepEqual(await atOnce(first, 'the first has given up'), ['unavailable']);
    // One is for the next in line, and one asks whether the server is back.
    await eventually(() => way.made() === made + 2, 'there are new connections');
    for (let turn = 0; turn < 100; turn++) await setImmediate();
    tick(graceMs);
    assert.deepEqual(new Set(await atOnce(line, 'the line is told')), new Set(['unavailable']));
    assert.deepEqual(statements.slice(1), [], 'none of them asked a silent server anything');
  });
}

test('when a new connection is not greeted, nobody waits for another one', async (t) => {
  const way = await openUnsteadyWay(t, own.cluster.port);
  way.swallow('swallowed');
  const database = openDatabase(parseDatabaseUrl(`postgres://inksong@127.0.0.1:${way.port}/inksong`));
  const first = outcomes([database.probe()]);
  await eventually(() => way.swallowed() > 0, 'the first is under way');
  tick(patienceMs);
  assert.deepEqual(await atOnce(first, 'the first has given up'), ['unavailable']);
  const others = outcomes(Array.from({ length: 20 }, () => database.probe()));
  tick(graceMs);
  assert.deepEqual(new Set(await atOnce(others, 'the others are told')), new Set(['unavailable']));
  assert.equal(way.open(), 1, 'one question at a time');
  await atOnce(database.close(), 'it closes');
  await eventually(() => way.open() === 0, 'no connection is left, nor is another made');
});

test('when one connection leads nowhere and the database is well, one answer is late and nobody else is refused', async (t) => {
  const { probe, way, key } = await onUnsteadyWay(t, { INKSONG_DATABASE_CONNECTIONS: '2' });
  way.swallow('arrive');
  const first = outcomes([probe()]);
  await eventually(() => way.swallowed() > 0, 'the first is under way');
  tick(patienceMs - 1_000);
  const line = outcomes(Array.from({ length: 20 }, () => probe()));
  tick(1_000);
  assert.deepEqual(await atOnce(first, 'the first has given up'), ['unavailable']);
  const next = outcomes([probe()]);
  // The connections for credentials were idle all the while, and lead nowhere as well.
  assert.equal(await atOnce(key(), 'a key is answered'), 200);
  assert.deepEqual(new Set(await atOnce(line, 'the line goes on')), new Set(['answered']));
  assert.deepEqual(await atOnce(next, 'the next is answered'), ['answered']);
});
