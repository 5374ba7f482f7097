import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { startPgBouncer } from '../pgbouncer.ts';
import { startCluster } from '../postgres-cluster.ts';
import { endWithThisProcess } from '../spawn-server.ts';
import { administer, urlOf } from '../test-database.ts';

/** Of the suite: sessions, keys, documents and their uploads, limits, retries, what transactions promise, backups and what they go back into. */
const files = [
  'refresh',
  'rotation',
  'documents',
  'limits',
  'idempotency',
  'attacks',
  'postgres-transactions',
  'postgres-backup',
  'postgres-restore',
  'postgres-move',
];

test('the suite holds through PgBouncer in transaction mode, with fewer connections than Inksong asks for', async (t) => {
  const cluster = await startCluster();
  t.after(() => cluster.remove());
  const port = await startPgBouncer(t, cluster);
  const child = spawn(
    process.execPath,
    ['--test', '--test-concurrency=2', ...files.map((name) => join(import.meta.dirname, `../${name}.test.ts`))],
    {
      env: {
        ...process.env,
        NODE_TEST_CONTEXT: undefined,
        INKSONG_TEST_ENGINE: 'postgres',
        TEST_DATABASE_URL: cluster.url,
        INKSONG_TEST_POOLER_PORT: String(port),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  endWithThisProcess(child);
  let output = '';
  child.stdout.on('data', (bytes) => {
    output += bytes;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 0, output);
  assert.match(output, /^ℹ pass 1\d\d$/m);
  const console = new URL(urlOf(cluster.url, 'pgbouncer'));
  console.port = String(port);
  const { rows } = await administer(console.href, 'SHOW STATS');
  const transactions = rows.reduce((sum, { total_xact_count: count }) => sum + Number(count), 0);
  assert.ok(transactions > 1_000, `${transactions} transactions went through it`);
});
