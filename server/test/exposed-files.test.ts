import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootServer } from './boot.ts';
import { exchange, rawRequest } from './raw-http.ts';

const looked = [
  '/.git/HEAD',
  '/.git/config',
  '/.env',
  '/.npmrc',
  '/.htaccess',
  '/package.json',
  '/package-lock.json',
  '/tsconfig.json',
  '/biome.json',
  '/node_modules/fastify/package.json',
  '/server/src/app.ts',
  '/server/bin/inksong.js',
  '/src/main.ts',
  '/data/inksong.db',
  '/data/inksong.db-wal',
  '/data/secret',
  '/data/outbox/',
  '/inksong.db',
  '/secret',
  '/backup.db',
  '/index.js.map',
  '/assets/index.js.map',
  '/assets/',
  '/assets/.vite/manifest.json',
  '/metrics',
  '/debug',
  '/debug/pprof/',
  '/server-status',
  '/actuator/env',
  '/phpinfo.php',
  '/admin/',
  '/graphql',
  '/docs/security.ts',
  '/docs/decisions/',
  '/docs/.built-from',
  '/docs/performance.json',
  `/docs/${'a'.repeat(300)}`,
  `/docs/${'a'.repeat(300)}.md`,
  `/docs/assets/${'a'.repeat(300)}.css`,
];
const climbed = [
  '/../package.json',
  '/docs/../package.json',
  '/docs/../../package.json',
  '/docs/..%2fpackage.json',
  '/docs/%2e%2e/package.json',
  '/docs/%2e%2e%2fpackage.json',
  '/docs/..%5cpackage.json',
  '/docs/....//package.json',
  '/docs/%252e%252e%252fpackage.json',
  '/docs/authentication%00.json',
  '//package.json',
  '/assets/..%2f..%2fpackage.json',
];

test('no file of the project, its data or its history is served, however it is asked for', async (t) => {
  const server = await bootServer(t);
  for (const target of [...looked, ...climbed]) {
    // A raw request: fetch would resolve the dots itself.
    const request = rawRequest('GET', target, ['Host: localhost', 'Connection: close']);
    const { answers } = await exchange(server.url, request);
    const [answer] = answers;
    assert.ok(answer?.status === 404 || answer?.status === 400, `${target} → ${answer?.status}`);
    assert.equal(answer.headers.get('content-type')?.split(';')[0], 'application/problem+json', target);
    assert.doesNotMatch(String(answer.body), /"dependencies"|workspaces|SQLite format/, target);
  }
});
