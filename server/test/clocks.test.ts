import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '#kysely';
import { choresOf } from '../src/app.ts';
import { createReadiness } from '../src/readiness.ts';
import { bootServer, send } from './boot.ts';
import { runInksong, startInksong, temporaryFolder } from './run-inksong.ts';
import { databaseSettings, testEngine } from './test-database.ts';

/** Makes a process's clock differ from this machine's, which is the database's, by so many seconds. */
const withClockOff = (seconds: number) => ({
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(
    `const now = Date.now; Date.now = () => now() + ${seconds * 1000};`,
  )}`,
});

for (const [seconds, direction] of [
  [1200, 'ahead of'],
  [-1200, 'behind'],
] as const) {
  test(`a node whose clock is ${Math.abs(seconds)} s ${direction} the database’s is not ready, and says why in its answer and its log`, async (t) => {
    const folder = temporaryFolder(t);
    const settings = await databaseSettings(t, folder);
    const environment = { ...settings, INKSONG_DATA_DIR: folder, PORT: '0', ...withClockOff(seconds) };
    const running = startInksong(t, ['serve'], { environment });
    const [, port] = await running.seen(/listening on 127\.0\.0\.1:(\d+)/);
    const sentence = new RegExp(`This node's clock is 1(199|200|201) seconds ${direction} the database's`);
    const answer = await send(`http://127.0.0.1:${port}/readyz`, 'GET');
    assert.equal(answer.status, 503);
    assert.match(answer.json.detail, sentence);
    assert.equal(answer.json.code, 'not_ready');
    assert.equal(answer.json.title, 'Requests should be sent elsewhere', 'not that the database is gone');
    assert.equal((await send(`http://127.0.0.1:${port}/healthz`, 'GET')).status, 200);
    await running.seen(sentence);
    running.signal('SIGTERM');
    const { code, stdout } = await running.finished;
    assert.equal(code, 0);
    assert.equal(stdout.match(/"msg":"This node's clock is/g)?.length, 1, 'said once');

    if (testEngine === 'postgres') {
      const { stdout, code } = await runInksong(t, ['doctor'], { environment });
      assert.equal(code, 1);
      assert.match(stdout, new RegExp(`^✗ clock: ${sentence.source}`, 'm'));
    }
  });
}

test('a clock that is set wrong while the node runs is noticed without anybody asking, and forgotten once it is right', async (t) => {
  const { services } = await bootServer(t);
  const said: string[] = [];
  const note = (...words: unknown[]) => void said.push(String(words.at(-1)));
  let offMs = 0;
  const clock = { now: () => Date.now() + offMs };
  const readiness = createReadiness(services.database, clock, { info: note, warn: note });
  const chore = choresOf({ ...services, readiness }).find(({ name }) => name === 'compare clocks');
  assert.ok(chore && chore.everySeconds <= 30, 'within 30 seconds');
  await chore.run();
  await readiness.check();
  offMs = 3_600_000;
  await chore.run();
  await chore.run();
  await assert.rejects(readiness.check(), { code: 'not_ready' });
  offMs = 0;
  await chore.run();
  await readiness.check();
  assert.deepEqual(
    said.map((line) => line.slice(0, 35)),
    ["This node's clock is 3600 seconds ah", "this node's clock and the database's"].map((line) => line.slice(0, 35)),
  );
});

test('sessions and refresh tokens end by the database’s clock, whatever a node’s says', async (t) => {
  const folder = temporaryFolder(t);
  const settings = await databaseSettings(t, folder);
  const server = await bootServer(t, { INKSONG_DATA_DIR: folder, ...settings });
  const [overdue, live] = [await server.register(), await server.register()];
  await server.services.database.query
    .updateTable('sessions')
    .set({ last_active_at: sql<number>`last_active_at - ${31 * 86_400_000}` })
    .where('id', '=', overdue.sessionId)
    .execute();
  // A day behind and a day ahead: neither revives a session that is over, nor ends one that lives.
  for (const seconds of [-86_400 * 2, 86_400 * 2]) {
    const environment = { ...settings, INKSONG_DATA_DIR: folder, PORT: '0', ...withClockOff(seconds) };
    const node = startInksong(t, ['serve'], { environment });
    const [, port] = await node.seen(/listening on 127\.0\.0\.1:(\d+)/);
    const refresh = (refreshToken: string) =>
      send(`http://127.0.0.1:${port}/api/v1/auth/refresh`, 'POST', { refreshToken });
    for (let count = 0; count < 50; count++) assert.equal((await refresh(overdue.refreshToken)).status, 401);
    const refreshed = await refresh(live.refreshToken);
    assert.equal(refreshed.status, 200);
    live.refreshToken = refreshed.refreshToken ?? '';
    node.signal('SIGTERM');
    assert.equal((await node.finished).code, 0);
  }
});

test('a use that a node with a clock ahead has seen does not let the session idle for longer', async (t) => {
  const folder = temporaryFolder(t);
  const settings = await databaseSettings(t, folder);
  const server = await bootServer(t, { INKSONG_DATA_DIR: folder, ...settings });
  const { accessToken: bearer, sessionId } = await server.register();
  const { query, now } = server.services.database;
  const environment = {
    ...settings,
    INKSONG_DATA_DIR: folder,
    PORT: '0',
    INKSONG_PUBLIC_URL: server.config.publicUrl,
    ...withClockOff(600),
  };
  const node = startInksong(t, ['serve'], { environment });
  const [, port] = await node.seen(/listening on 127\.0\.0\.1:(\d+)/);
  assert.equal((await send(`http://127.0.0.1:${port}/api/v1/me`, 'GET', { bearer })).status, 200);
  node.signal('SIGTERM');
  assert.equal((await node.finished).code, 0);
  const session = await query
    .selectFrom('sessions')
    .select(({ eb }) => [
      eb('last_active_at', '<=', now).as('isPast'),
      eb('last_active_at', '>', eb.ref('created_at')).as('isSaved'),
    ])
    .where('id', '=', sessionId)
    .executeTakeFirstOrThrow();
  assert.ok(session.isPast && session.isSaved);
});
