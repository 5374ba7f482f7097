// Runs the test suite and ends with the line `N passed, N failed`. What boots a server is run on SQLite and then on
// PostgreSQL: that of TEST_DATABASE_URL, or a temporary one from this machine's or npm's programs.
//   node scripts/test.js          what needs nothing but this repository
//   node scripts/test.js FILE …   only these files
//   INKSONG_TEST_ENGINE=postgres  only on PostgreSQL; or =sqlite
//   node scripts/test.js --all    also the folders all/ of the server's tests and faults, which need the Debian packages below
import { spawnSync } from 'node:child_process';
import { chmodSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const root = dirname(import.meta.dirname);
const suites = [
  '{server,client,fastify,dashboard}/src/**/*.test.ts',
  '{server,client,fastify,dashboard}/test/*.test.ts',
  'server/faults/{,instruments/}*.test.ts',
  'bench/{,test/}*.test.ts',
];
const suitesOfAll = ['server/{test,faults}/all/*.test.ts'];
/** strace sees the syncs to disk; curl and python3-requests run the documentation's samples, the proxies its configurations; PgBouncer stands before PostgreSQL; systemd checks its unit. */
const packagesOfAll = [
  'strace',
  'curl',
  'python3',
  'python3-requests',
  'openssl',
  'nginx',
  'haproxy',
  'caddy',
  'pgbouncer',
  'systemd',
  'libfaketime',
];

/** About one engine alone, with the reason. */
const onlyOn = {
  sqlite: {
    'server/test/backup-file.test.ts': 'of pages and locks of a SQLite file',
    'server/test/restore-kill.test.ts': 'kills while a SQLite file is replaced; see postgres-restore.test.ts',
    'server/test/missing-file.test.ts': 'PostgreSQL has no file to be missing',
    'server/test/start-failures.test.ts': 'of files and folders; see postgres-server.test.ts',
    'server/test/fsync-settings.test.ts': 'reads pragmas; see postgres-server.test.ts',
    'server/test/locked-database.test.ts': 'the one write lock of a SQLite file',
  },
  postgres: Object.fromEntries(
    globSync('server/test/**/postgres-*.test.ts', { cwd: root }).map((file) => [file, 'named so']),
  ),
};

/** Meant to pass on two cores; more files at a time would only make time limits lie. */
const concurrency = 2;
/** Longest one test file may take, milliseconds. */
const fileTimeoutMs = 600_000;

const all = process.argv.includes('--all');
const named = process.argv.slice(2).filter((word) => word !== '--all');
let passed = 0;
let failed = 0;
/** What failed without being a test of its own. */
const faults = [];

// One folder for the files of all tests, gone when the run ends whatever they left in it.
const scratch = mkdtempSync(join(tmpdir(), 'inksong-run-'));
// A temporary PostgreSQL may have to run as another user, who must find its own folder in there.
chmodSync(scratch, 0o711);
process.env.TMPDIR = scratch;
// Half of a test file's start is compiling what the last one has compiled already.
process.env.NODE_COMPILE_CACHE ??= join(root, 'node_modules/.cache/inksong');
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

try {
  if (all) providePackages(packagesOfAll);
  const wanted = all ? [...suites, ...suitesOfAll] : suites;
  await runOnBothEngines(named.length > 0 ? named : globSync(wanted, { cwd: root }).sort());
} catch (error) {
  faults.push(error.message);
}
if (passed + failed + faults.length === 0) faults.push('No test ran.');
for (const fault of faults) console.log(fault);
failed += faults.length;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

/** @param {string[]} files relative to the root */
async function runOnBothEngines(files) {
  const engines = process.env.INKSONG_TEST_ENGINE ? [process.env.INKSONG_TEST_ENGINE] : ['sqlite', 'postgres'];
  for (const engine of engines) {
    const other = engine === 'sqlite' ? 'postgres' : 'sqlite';
    const ofEngine = files.filter((file) => !(file in onlyOn[other]) && (engine === 'sqlite' || bootsServer(file)));
    if (ofEngine.length === 0) continue;
    process.env.INKSONG_TEST_ENGINE = engine;
    console.log(`\nOn ${engine === 'sqlite' ? 'SQLite' : 'PostgreSQL'}: ${ofEngine.length} files`);
    if (engine === 'sqlite' || process.env.TEST_DATABASE_URL) {
      await runFiles(ofEngine);
      continue;
    }
    const { startCluster } = await import('../server/test/postgres-cluster.ts');
    const cluster = await startCluster();
    process.env.TEST_DATABASE_URL = cluster.url;
    try {
      await runFiles(ofEngine);
    } finally {
      await cluster.remove();
    }
  }
}

/** What a browser or a client does is the same on either engine, and so is what needs no server: once is enough for those. */
function bootsServer(file) {
  if (!file.startsWith('server/')) return false;
  return /from '\.\.?\/(boot|spawn-server|run-inksong|test-database|postgres-cluster)\.ts'/.test(
    readFileSync(join(root, file), 'utf8'),
  );
}

/** @param {string[]} files relative to the root */
async function runFiles(files) {
  const events = run({ files: files.map((file) => join(root, file)), cwd: root, concurrency, timeout: fileTimeoutMs });
  events.on('test:pass', ({ name, file, skip, todo }) => {
    // Node lets a file in which no test was defined pass under its own name.
    if (name === file) {
      passed -= 1;
      faults.push(`Holds no test: ${file}`);
    }
    if (skip !== undefined || todo !== undefined) faults.push(`Did not run: ${name} (${file})`);
  });
  events.on('test:summary', ({ file, counts }) => {
    if (file !== undefined) return;
    passed += counts.passed;
    failed += counts.failed + counts.cancelled;
  });
  const report = events.compose(spec());
  report.pipe(process.stdout, { end: false });
  await new Promise((resolve, reject) => report.on('end', resolve).on('error', reject));
}

/** Installs Debian packages that are missing; throws, naming them, where that is not possible. */
function providePackages(names) {
  const missing = names.filter((name) => {
    const { stdout } = spawnSync('dpkg', ['--status', name], { encoding: 'utf8' });
    return !/^Status: .* installed$/m.test(stdout ?? '');
  });
  if (missing.length === 0) return;
  const command = `apt-get install --yes --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0) throw new Error(`--all needs packages that are not installed. As root: ${command}`);
  console.log(`Installing ${missing.join(', ')}`);
  const apt = (...words) => {
    const { status, stderr } = spawnSync('apt-get', ['-qq', ...words], {
      encoding: 'utf8',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (status !== 0) throw new Error(`${stderr ?? ''}\n--all needs packages that could not be installed: ${command}`);
  };
  apt('update');
  apt('install', '--yes', '--no-install-recommends', ...missing);
}
