import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../../src/free-port.ts';
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
  const folder = mkdtempSync(join(tmpdir(), 'inksong-pgbouncer-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { password } = new URL(cluster.url);
  const port = await freePort('127.0.0.1');
  const configuration = join(folder, 'pgbouncer.ini');
  // No ignore_startup_parameters: a parameter that PgBouncer does not know of would be refused.
  const text = `[databases]
* = host=127.0.0.1 port=${cluster.port} user=inksong password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
auth_type = any
admin_users = inksong
pool_mode = transaction
default_pool_size = 6
max_client_conn = 500
server_idle_timeout = 5
unix_socket_dir =
`;
  writeFileSync(configuration, text);
  if (cluster.owner) for (const path of [folder, configuration]) chownSync(path, cluster.owner.uid, cluster.owner.gid);
  const pooler = spawn('pgbouncer', [configuration], { ...cluster.owner, stdio: ['ignore', 'ignore', 'pipe'] });
  endWithThisProcess(pooler);
  t.after(() => pooler.kill());
  for await (const bytes of pooler.stderr) if (String(bytes).includes('process up')) break;

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
