import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { Agent, get, request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { freePort } from '../src/free-port.ts';
import { goodPassword, send, unlimited } from './boot.ts';
import { parseMetrics, sum } from './metrics-text.ts';
import { type Running, runInksong, startInksong, temporaryFolder } from './run-inksong.ts';
import { administer, databaseSettings } from './test-database.ts';

interface Workers extends Running {
  url: string;
  databaseUrl: string;
  /** What another process needs to work on the same database. */
  environment: Record<string, string>;
  /** The log's lines so far. */
  log(): Record<string, unknown>[];
}

/** Starts `inksong serve --workers COUNT` and waits until they listen. */
async function startWorkers(
  t: TestContext,
  count: number,
  environment: Record<string, string> = {},
  { directory, content = 'migrated' }: { directory?: string; content?: 'migrated' | 'empty' } = {},
): Promise<Workers> {
  const dataDirectory = join(temporaryFolder(t), 'data');
  const settings = await databaseSettings(t, dataDirectory, content);
  const running = startInksong(t, ['serve', '--workers', String(count)], {
    environment: { ...unlimited, ...settings, PORT: '0', INKSONG_DATA_DIR: dataDirectory, ...environment },
    ...(directory !== undefined && { directory }),
  });
  const [, port = ''] = await running.seen(/listening on 127\.0\.0\.1:(\d+)/);
  await running.seen(new RegExp(`(?:a worker listens(?:.|\\n)*){${count}}`));
  const url = `http://127.0.0.1:${port}`;
  return {
    ...running,
    url,
    environment: { ...settings, INKSONG_DATA_DIR: dataDirectory },
    databaseUrl: settings.DATABASE_URL ?? '',
    // What follows the last line end is still being written.
    log: () =>
      running
        .written()
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
  };
}

/** Sends one request on a connection of its own: each goes to the next worker. */
async function ask(url: string, path: string, headers: Record<string, string> = {}) {
  const [answer] = await once(get(url + path, { agent: false, headers }), 'response');
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece);
  return { status: answer.statusCode as number, text: Buffer.concat(pieces).toString() };
}

const register = (url: string, email = 'ada@example.com') =>
  send(`${url}/api/v1/auth/register`, 'POST', { json: { email, password: goodPassword } });

test('what one worker has answered is what every worker knows: 20 rotations, each judged at once by all of three', async (t) => {
  const workers = await startWorkers(t, 3);
  const { json: registered } = await register(workers.url);
  const bearer = registered.access_token;
  const [{ id }] = (await send(`${workers.url}/api/v1/api-keys/`, 'GET', { bearer })).json.items;
  let current: string = registered.api_key;
  const former: string[] = [];
  for (let round = 0; round < 20; round++) {
    // Known to all, so that a worker that remembered it would still let it in.
    const before = await Promise.all(
      Array.from({ length: 6 }, () => ask(workers.url, '/api/v1/me', { 'X-API-Key': current })),
    );
    assert.deepEqual(new Set(before.map(({ status }) => status)), new Set([200]));
    const rotated = await send(`${workers.url}/api/v1/api-keys/${id}/rotate`, 'POST', {
      bearer,
      headers: { Connection: 'close' },
    });
    former.push(current);
    current = rotated.json.api_key;
    const [withFormer, withCurrent] = await Promise.all(
      [former.at(-1) ?? '', current].map((key) =>
        Promise.all(Array.from({ length: 6 }, () => ask(workers.url, '/api/v1/me', { 'X-API-Key': key }))),
      ),
    );
    assert.deepEqual(
      withFormer?.map(({ status }) => status),
      [401, 401, 401, 401, 401, 401],
      `round ${round}`,
    );
    assert.deepEqual(
      withCurrent?.map(({ status }) => status),
      [200, 200, 200, 200, 200, 200],
      `round ${round}`,
    );
  }
  workers.signal('SIGTERM');
  await workers.finished;
  for (const status of [200, 401]) {
    const who = new Set(workers.log().flatMap((line) => (line.status === status ? [line.worker] : [])));
    assert.deepEqual([...who].sort(), [1, 2, 3], `each worker has answered ${status}`);
  }
});

test('what the command line changes, every worker judges by at once', async (t) => {
  const workers = await startWorkers(t, 3);
  const { json: registered } = await register(workers.url);
  const inksong = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runInksong(t, words, { environment: workers.environment });
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const statuses = async (headers: Record<string, string>) => [
    ...new Set(
      (await Promise.all(Array.from({ length: 6 }, () => ask(workers.url, '/api/v1/me', headers)))).map(
        ({ status }) => status,
      ),
    ),
  ];
  const bearer = { Authorization: `Bearer ${registered.access_token}` };
  const former = { 'X-API-Key': registered.api_key };
  assert.deepEqual([await statuses(former), await statuses(bearer)], [[200], [200]]);
  const [key = ''] = /ink_[0-9a-f]{48}/.exec(await inksong('keys', 'rotate', 'ada@example.com', '--yes')) ?? [];
  const current = { 'X-API-Key': key };
  assert.deepEqual([await statuses(former), await statuses(current)], [[401], [200]]);
  await inksong('sessions', 'revoke', 'ada@example.com', '--yes');
  assert.deepEqual([await statuses(bearer), await statuses(current)], [[401], [200]]);
  await inksong('keys', 'allow', 'ada@example.com', '192.0.2.1', '--yes');
  assert.deepEqual(await statuses(current), [403]);
  await inksong('accounts', 'disable', 'ada@example.com', '--yes');
  assert.deepEqual(await statuses(current), [401]);
});

test('what each worker gathers in memory adds up in the database', async (t) => {
  const workers = await startWorkers(t, 3);
  const { json: registered } = await register(workers.url);
  const headers = { 'X-API-Key': registered.api_key };
  const answers = await Promise.all(Array.from({ length: 60 }, () => ask(workers.url, '/api/v1/me', headers)));
  assert.ok(answers.every(({ status }) => status === 200));
  workers.signal('SIGTERM');
  assert.equal((await workers.finished).code, 0);
  const counted = "SELECT sum(count) AS sum FROM usage_days WHERE scheme = 'api_key' AND outcome = 'success'";
  const { rows } = await administer(workers.databaseUrl, counted);
  assert.equal(Number(rows[0].sum), 60);
});

test('the database is migrated once, one greeting is written, and each line of a worker names it', async (t) => {
  const workers = await startWorkers(t, 3, {}, { content: 'empty' });
  await register(workers.url);
  workers.signal('SIGTERM');
  const { code, stderr } = await workers.finished;
  assert.equal(code, 0);
  assert.equal(stderr.match(/Inksong is up/g)?.length, 1);
  const lines = workers.log();
  assert.equal(lines.filter(({ msg }) => msg === 'database migrated').length, 1);
  const listening = lines.filter(({ msg }) => msg === 'a worker listens').map(({ worker }) => worker);
  assert.deepEqual(listening.toSorted(), [1, 2, 3]);
  for (const line of lines.filter((each) => 'request_id' in each || 'route' in each)) {
    assert.ok([1, 2, 3].includes(line.worker as number), JSON.stringify(line));
  }
});

test('a worker that dies is replaced, while the others go on answering', { timeout: 120_000 }, async (t) => {
  const workers = await startWorkers(t, 2);
  const pidOf = (number: number) =>
    workers.log().findLast(({ msg, worker }) => msg === 'a worker listens' && worker === number)?.pid as number;
  const killed = pidOf(1);
  process.kill(killed, 'SIGKILL');
  await workers.seen(/a worker ended and is replaced/);
  const meanwhile = await Promise.all(Array.from({ length: 20 }, () => ask(workers.url, '/readyz')));
  assert.ok(meanwhile.every(({ status }) => status === 200));
  await workers.seen(/(?:a worker listens(?:.|\n)*){3}/);
  assert.notEqual(pidOf(1), killed);
  const [end] = workers.log().filter(({ msg }) => msg === 'a worker ended and is replaced');
  assert.deepEqual([end?.worker, end?.signal, end?.restart_in_ms], [1, 'SIGKILL', 100]);

  // Again, and soon: the next one waits longer.
  process.kill(pidOf(1), 'SIGKILL');
  await workers.seen(/"restart_in_ms":200/);
  workers.signal('SIGTERM');
  assert.equal((await workers.finished).code, 0);
});

test('a worker that is started later serves by the settings of the start, whatever has become of the .env file', async (t) => {
  const directory = temporaryFolder(t);
  writeFileSync(join(directory, '.env'), 'INKSONG_SIGNUP=closed\n');
  const workers = await startWorkers(t, 2, {}, { directory });
  writeFileSync(join(directory, '.env'), 'INKSONG_SIGNUP=nobody knows\n');
  for (const { pid } of workers.log().filter(({ msg }) => msg === 'a worker listens')) {
    process.kill(pid as number, 'SIGKILL');
  }
  await workers.seen(/(?:a worker listens(?:.|\n)*){4}/);
  for (let count = 0; count < 4; count++) {
    assert.equal(JSON.parse((await ask(workers.url, '/api/v1/auth/config')).text).signup, 'closed');
  }
});

test('a worker does not start on the schema of a newer Inksong; the others go on, and so does it once that is gone', async (t) => {
  const workers = await startWorkers(t, 2);
  const newer = '9999-from-the-future';
  await administer(workers.databaseUrl, `INSERT INTO kysely_migration VALUES ('${newer}', 'now')`);
  const { pid } = workers.log().find(({ msg }) => msg === 'a worker listens') ?? {};
  process.kill(pid as number, 'SIGKILL');
  await workers.seen(/"reason":"This database belongs to a newer Inksong \(it has 9999-from-the-future\)/);
  assert.equal((await ask(workers.url, '/readyz')).status, 200);
  await administer(workers.databaseUrl, `DELETE FROM kysely_migration WHERE name = '${newer}'`);
  await workers.seen(/(?:a worker listens(?:.|\n)*){3}/);
  workers.signal('SIGTERM');
  assert.equal((await workers.finished).code, 0);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} to the one that was started lets requests in progress at every worker finish; then all end with 0`, async (t) => {
    const workers = await startWorkers(t, 2);
    const uploads = await Promise.all([1, 2, 3, 4].map((n) => beginRegistration(workers.url, `late${n}@example.com`)));
    const idle = new Agent({ keepAlive: true });
    t.after(() => idle.destroy());
    const [kept] = await once(get(`${workers.url}/healthz`, { agent: idle }), 'response');
    kept.resume();
    const stoppedAt = performance.now();
    workers.signal(signal);
    await workers.seen(/"worker":1.*"stopping: /);
    await workers.seen(/"worker":2.*"stopping: /);
    for (const finish of uploads) assert.equal(await finish(), 201);
    const { code } = await workers.finished;
    assert.equal(code, 0);
    assert.ok(performance.now() - stoppedAt < 10_000);
    const pids = workers.log().flatMap(({ msg, pid }) => (msg === 'a worker listens' ? [pid as number] : []));
    assert.equal(pids.length, 2, 'none was replaced');
    for (const pid of pids) assert.ok(!existsSync(`/proc/${pid}`), 'no process is left');
  });
}

test('SIGTERM turns /readyz to 503 at every worker for INKSONG_DRAIN_SECONDS; Ctrl-C cuts that short', async (t) => {
  const workers = await startWorkers(t, 2, { INKSONG_DRAIN_SECONDS: '300' });
  workers.signal('SIGTERM');
  await workers.seen(/(?:"leaving: (?:.|\n)*){2}/);
  const statuses = async (path: string) =>
    (await Promise.all(Array.from({ length: 6 }, () => ask(workers.url, path)))).map(({ status }) => status);
  assert.deepEqual(new Set(await statuses('/readyz')), new Set([503]));
  assert.deepEqual(new Set(await statuses('/healthz')), new Set([200]));
  workers.signal('SIGINT');
  assert.equal((await workers.finished).code, 0);
});

test('when the one that was started is killed, its workers end too, and the port is free', async (t) => {
  const workers = await startWorkers(t, 2);
  const pids = workers.log().flatMap(({ msg, pid }) => (msg === 'a worker listens' ? [pid as number] : []));
  workers.signal('SIGKILL');
  await workers.finished;
  for (const pid of pids) {
    while (existsSync(`/proc/${pid}`)) await new Promise((resolve) => setImmediate(resolve));
  }
  const server = createServer().listen(Number(new URL(workers.url).port), '127.0.0.1');
  await once(server, 'listening');
  server.close();
});

test('workers that cannot start say why in one sentence and end with 1', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const { port } = taken.address() as { port: number };
  const dataDirectory = join(temporaryFolder(t), 'data');
  const environment = { ...(await databaseSettings(t, dataDirectory)), INKSONG_DATA_DIR: dataDirectory };
  const blocked = startInksong(t, ['serve', '--workers', '3'], { environment: { ...environment, PORT: String(port) } });
  const { code, stderr, stdout } = await blocked.finished;
  assert.equal(code, 1);
  assert.equal(stderr, `Port ${port} on 127.0.0.1 is in use; set PORT to another one.\n`);
  assert.match(stdout, /a worker ended and is replaced/);

  const ofMetrics = { ...environment, PORT: '0', INKSONG_METRICS_PORT: String(port) };
  const silenced = await startInksong(t, ['serve', '--workers', '3'], { environment: ofMetrics }).finished;
  assert.equal(silenced.code, 1);
  assert.match(silenced.stderr, /^Port \d+ on 127\.0\.0\.1 is in use; set INKSONG_METRICS_PORT/);
  assert.doesNotMatch(silenced.stdout, /a worker/);
});

test('/metrics tells the counts of all workers as one, and none falls when a worker dies', async (t) => {
  const port = await freePort('127.0.0.1');
  const workers = await startWorkers(t, 3, { INKSONG_METRICS_PORT: String(port) });
  const scrape = async () => parseMetrics(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
  /** A request is counted when its answer has gone, which may be after it has come. */
  const scrapeOnce = async (healthChecks: number) => {
    for (;;) {
      const samples = await scrape();
      if (sum(samples, 'inksong_http_request_duration_seconds_count', { route: '/healthz' }) >= healthChecks)
        return samples;
    }
  };
  const health = { route: '/healthz', status: '2xx' };
  for (let count = 0; count < 30; count++) assert.equal((await ask(workers.url, '/healthz')).status, 200);
  const before = await scrapeOnce(30);
  assert.equal(sum(before, 'inksong_http_requests_total', health), 30);
  assert.equal(sum(before, 'inksong_http_request_duration_seconds_count', { route: '/healthz' }), 30);
  assert.equal(sum(before, 'inksong_workers', {}), 3);

  const { pid } = workers.log().find(({ msg }) => msg === 'a worker listens') ?? {};
  process.kill(pid as number, 'SIGKILL');
  await workers.seen(/a worker ended and is replaced/);
  const without = await scrape();
  await workers.seen(/(?:a worker listens(?:.|\n)*){4}/);
  const after = await scrape();
  for (const samples of [without, after]) {
    assert.equal(sum(samples, 'inksong_http_requests_total', health), 30);
    assert.equal(sum(samples, 'inksong_http_request_duration_seconds_count', { route: '/healthz' }), 30);
    assert.equal(sum(samples, 'inksong_worker_ends_total', {}), 1);
  }
  assert.equal(sum(after, 'inksong_workers', {}), 3);
  for (let count = 0; count < 6; count++) await ask(workers.url, '/healthz');
  assert.equal(sum(await scrapeOnce(36), 'inksong_http_requests_total', health), 36);
});

/** Starts a request whose body is still on its way; what it returns sends the rest and returns the answer's status. */
async function beginRegistration(url: string, email: string): Promise<() => Promise<number>> {
  const body = JSON.stringify({ email, password: goodPassword });
  const started = request(`${url}/api/v1/auth/register`, {
    agent: false,
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Content-Length': body.length, Expect: '100-continue' },
  });
  const answered = once(started, 'response');
  answered.catch(() => {});
  started.flushHeaders();
  // The worker has read the head.
  await once(started, 'continue');
  started.write(body.slice(0, 10));
  return async () => {
    started.end(body.slice(10));
    const [response] = await answered;
    response.resume();
    await once(response, 'end');
    return response.statusCode;
  };
}
