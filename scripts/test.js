// Runs the test suite and ends with the line `N passed, N failed`.
//   node scripts/test.js          what needs nothing but this repository
//   node scripts/test.js FILE …   only these files
//   node scripts/test.js --all    also the folders all/ of the server's tests and faults, which need the Debian packages below
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const root = dirname(import.meta.dirname);
const suites = [
  '{server,client,fastify,dashboard}/src/**/*.test.ts',
  '{server,client,fastify,dashboard}/test/*.test.ts',
  'server/faults/{,instruments/}*.test.ts',
];
const suitesOfAll = ['server/{test,faults}/all/*.test.ts'];
/** strace sees the syncs to disk; curl and python3-requests run the documentation's samples, the proxies its configurations. */
const packagesOfAll = ['strace', 'curl', 'python3', 'python3-requests', 'openssl', 'nginx', 'haproxy', 'caddy'];

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
process.env.TMPDIR = scratch;
// Half of a test file's start is compiling what the last one has compiled already.
process.env.NODE_COMPILE_CACHE ??= join(root, 'node_modules/.cache/inksong');
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

try {
  if (all) providePackages(packagesOfAll);
  const wanted = all ? [...suites, ...suitesOfAll] : suites;
  await runFiles(named.length > 0 ? named : globSync(wanted, { cwd: root }).sort());
} catch (error) {
  faults.push(error.message);
}
if (passed + failed + faults.length === 0) faults.push('No test ran.');
for (const fault of faults) console.log(fault);
failed += faults.length;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

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
