import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { passwordHashed } from '../src/auth/accounts/password.ts';
import { credentialVerified } from '../src/auth/authenticate.ts';
import { statementRun } from '../src/database/statement-run.ts';
import { freePort } from '../src/free-port.ts';
import { requestAnswered } from '../src/http/request-log.ts';
import { startMetrics } from '../src/metrics/metrics-listener.ts';
import { bootServer, goodPassword, send, type TestServer } from './boot.ts';
import { parseMetrics, type Sample, sum } from './metrics-text.ts';
import { runInksong, temporaryFolder } from './run-inksong.ts';
import { spawnServer } from './spawn-server.ts';

interface Scraper {
  url: string;
  scrape(): Promise<{ text: string; samples: Sample[] }>;
}

/** Starts the metrics' listener beside a server; both are gone when the test ends. */
async function withMetrics(t: Parameters<typeof bootServer>[0]): Promise<{ server: TestServer; metrics: Scraper }> {
  const server = await bootServer(t);
  const port = await freePort('127.0.0.1');
  t.after(await startMetrics(server.services.passwords, '127.0.0.1', port));
  const url = `http://127.0.0.1:${port}/metrics`;
  return {
    server,
    metrics: {
      url,
      async scrape() {
        const answer = await fetch(url);
        assert.equal(answer.status, 200);
        assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
        const text = await answer.text();
        return { text, samples: parseMetrics(text) };
      },
    },
  };
}

const requests = 'inksong_http_requests_total';

test('the counts are those of the requests made, by route, scheme and outcome', async (t) => {
  const { server, metrics } = await withMetrics(t);
  const { apiKey: key, accessToken: bearer } = await server.register();
  const before = (await metrics.scrape()).samples;
  for (let count = 0; count < 7; count++) await server.call('GET', '/me', { key });
  for (let count = 0; count < 5; count++) await server.call('GET', '/me', { bearer });
  for (let count = 0; count < 3; count++) await server.call('GET', '/me', { key: `ink_${'0'.repeat(48)}` });
  for (let count = 0; count < 2; count++)
    await server.call('GET', `/documents/doc_${String(count).repeat(32)}`, { key });
  await server.call('POST', '/auth/login', { json: { email: 'nobody@example.com', password: goodPassword } });

  const { samples } = await metrics.scrape();
  const made = (name: string, labels: Record<string, string>) => sum(samples, name, labels) - sum(before, name, labels);
  const me = { method: 'GET', route: '/api/v1/me' };
  assert.equal(made(requests, { ...me, scheme: 'api_key', status: '2xx' }), 7);
  assert.equal(made(requests, { ...me, scheme: 'bearer', status: '2xx' }), 5);
  assert.equal(made(requests, { ...me, scheme: 'none', status: '4xx' }), 3);
  assert.equal(made(requests, { route: '/api/v1/documents/:id', status: '4xx' }), 2);
  assert.equal(made(requests, { route: '/api/v1/auth/login', status: '4xx' }), 1);
  assert.equal(made(requests, {}), 18);
  assert.equal(made('inksong_http_request_duration_seconds_count', me), 15);
  assert.equal(made('inksong_verification_duration_seconds_count', { scheme: 'api_key' }), 7 + 3 + 2);
  assert.equal(made('inksong_verification_duration_seconds_count', { scheme: 'bearer' }), 5);
  assert.equal(made('inksong_password_hash_duration_seconds_count', {}), 1);
  assert.ok(made('inksong_database_statement_duration_seconds_count', { statement: 'select' }) >= 18);
  assert.ok(made('inksong_database_statement_duration_seconds_sum', {}) > 0);
  for (const name of ['nodejs_eventloop_lag_p99_seconds', 'process_resident_memory_bytes']) {
    assert.ok(
      samples.some((sample) => sample.name === name),
      name,
    );
  }
});

test('the queue of passwords to hash is seen while it stands', async (t) => {
  const { server, metrics } = await withMetrics(t);
  const hashed = Promise.all(Array.from({ length: 12 }, () => server.services.passwords.hash(goodPassword)));
  const { samples } = await metrics.scrape();
  await hashed;
  assert.equal(sum(samples, 'inksong_password_hashes', { state: 'hashing' }), 2);
  assert.ok(sum(samples, 'inksong_password_hashes', { state: 'waiting' }) >= 1);
  const after = (await metrics.scrape()).samples;
  assert.equal(sum(after, 'inksong_password_hashes'), 0);
});

test('no caller can make the labels more: whatever is no route is one', async (t) => {
  const { server, metrics } = await withMetrics(t);
  const before = (await metrics.scrape()).samples;
  for (let count = 0; count < 10; count++) {
    await send(`${server.url}/nothing/${count}`, 'GET');
    await send(`${server.url}/api/v1/documents/`, `VERB${count}`).catch(() => {});
    await send(`${server.url}/api/v1/me/${count}?q=${count}`, 'GET', {
      headers: { Origin: `https://${count}.example` },
    });
    await send(`${server.url}/%${count}`, 'GET');
    await send(`${server.url}/api/v1/me`, 'PROPFIND');
  }
  const { samples } = await metrics.scrape();
  const added = samples.filter(
    ({ name, labels }) =>
      name === requests &&
      !before.some((other) => other.name === name && JSON.stringify(other.labels) === JSON.stringify(labels)),
  );
  assert.deepEqual(
    added.map(({ labels }) => labels),
    [{ method: 'any', route: 'none', scheme: 'none', status: '4xx' }],
  );
});

test('metrics hold no secret, account, e-mail or address', async (t) => {
  const { server, metrics } = await withMetrics(t);
  const account = await server.register('canary@example.com');
  await server.call('GET', '/me', { key: account.apiKey });
  await server.call('GET', '/me', { bearer: account.accessToken });
  await server.call('POST', '/auth/refresh', { refreshToken: account.refreshToken });
  await send(`${server.url}/${account.apiKey}?key=${account.apiKey}`, 'GET');
  await server.call('POST', `/api-keys/${account.apiKeyId}/rotate`, { bearer: account.accessToken });
  const { text } = await metrics.scrape();
  for (const secret of [
    account.apiKey,
    account.apiKey.slice(4, 16),
    account.accessToken,
    account.refreshToken,
    account.password,
    account.email,
    account.id,
    account.sessionId,
    account.apiKeyId,
    '127.0.0.1',
  ]) {
    assert.ok(!text.includes(secret), secret);
  }
});

test('the API’s port does not tell metrics, and theirs tells nothing else', async (t) => {
  const { server, metrics } = await withMetrics(t);
  const { apiKey: key } = await server.register();
  for (const path of ['/metrics', '/api/v1/metrics']) {
    assert.equal((await send(server.url + path, 'GET', { key })).status, 404);
  }
  for (const path of ['/', '/api/v1/me', '/metrics/', '/metrics?x']) {
    assert.equal((await fetch(new URL(path, metrics.url), { headers: { 'X-API-Key': key } })).status, 404, path);
  }
  assert.equal((await fetch(metrics.url, { method: 'POST' })).status, 405);
  assert.equal((await fetch(metrics.url, { method: 'HEAD' })).status, 200);
});

test('the running program serves metrics on INKSONG_METRICS_PORT, and stops in order with a scraper connected', async (t) => {
  const port = await freePort('127.0.0.1');
  const running = await spawnServer(t, temporaryFolder(t), { INKSONG_METRICS_PORT: String(port) });
  await send(`${running.url}/api/v1/me`, 'GET');
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  const samples = parseMetrics(await answer.text());
  assert.equal(sum(samples, requests, { route: '/api/v1/me', status: '4xx' }), 1);
  assert.equal(await running.stop(), 0);
});

test('once it is stopped, nothing listens and nothing is counted', async (t) => {
  const server = await bootServer(t);
  const port = await freePort('127.0.0.1');
  const stop = await startMetrics(server.services.passwords, '127.0.0.1', port);
  const signals = [requestAnswered, credentialVerified, passwordHashed, statementRun];
  assert.ok(signals.every((signal) => signal.isHeard()));
  await stop();
  assert.ok(signals.every((signal) => !signal.isHeard()));
  await assert.rejects(fetch(`http://127.0.0.1:${port}/metrics`));
});

test('a metrics port that is in use, or is the API’s own, is told in a sentence at the start', async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.after(() => other.close());
  const { port } = other.address() as { port: number };
  const environment = { INKSONG_DATA_DIR: temporaryFolder(t), PORT: '0', INKSONG_METRICS_PORT: String(port) };
  const inUse = await runInksong(t, ['serve'], { environment });
  assert.equal(inUse.code, 1);
  assert.match(
    inUse.stderr,
    new RegExp(`Port ${port} on 127\\.0\\.0\\.1 is in use; set INKSONG_METRICS_PORT to another one\\.`),
  );
  const same = await runInksong(t, ['serve'], { environment: { ...environment, PORT: String(port) } });
  assert.match(same.stderr, /INKSONG_METRICS_PORT must not be PORT/);
  assert.doesNotMatch(inUse.stderr + same.stderr, /\n\s+at /);
});
