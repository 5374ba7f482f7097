import { spawn } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../src/free-port.ts';
import type { Cluster } from './postgres-cluster.ts';
import { endWithThisProcess } from './spawn-server.ts';

/** Starts PgBouncer in transaction mode before a cluster, with fewer connections than Inksong asks for. Returns its port. */
export async function startPgBouncer(t: { after(end: () => unknown): void }, cluster: Cluster): Promise<number> {
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
server_login_retry = 1
query_wait_timeout = 3
unix_socket_dir =
`;
  writeFileSync(configuration, text);
  if (cluster.owner) for (const path of [folder, configuration]) chownSync(path, cluster.owner.uid, cluster.owner.gid);
  const pooler = spawn('pgbouncer', [configuration], { ...cluster.owner, stdio: ['ignore', 'ignore', 'pipe'] });
  endWithThisProcess(pooler);
  t.after(() => pooler.kill());
  await new Promise<void>((resolve, reject) => {
    pooler.stderr.on('data', (bytes) => {
      if (String(bytes).includes('process up')) resolve();
    });
    pooler.once('error', reject);
    pooler.once('exit', (code) => reject(new Error(`PgBouncer ended with ${code}.`)));
  });
  return port;
}
