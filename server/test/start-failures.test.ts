import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { explain } from '../src/cli/explain.ts';
import { readConfig } from '../src/config/config.ts';
import { type RunOptions, runInksong, temporaryFolder } from './run-inksong.ts';

const pageBytes = 4096;

/** Runs `inksong serve` into a failure and returns the one line it says; fails when it says more, or shows a stack. */
async function refusal(t: TestContext, options: RunOptions): Promise<string> {
  const { code, stderr, stdout } = await runInksong(t, ['serve'], options);
  assert.equal(code, 1, stderr);
  assert.doesNotMatch(stderr + stdout, /^\s+at /m);
  const lines = stderr.trimEnd().split('\n');
  assert.equal(lines.length, 1, stderr);
  return lines[0] ?? '';
}

test('a busy port is said with what to do', async (t) => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  t.after(() => holder.close());
  const { port } = holder.address() as AddressInfo;
  const line = await refusal(t, {
    environment: { PORT: String(port), INKSONG_DATA_DIR: join(temporaryFolder(t), 'data') },
  });
  assert.equal(line, `Port ${port} on 127.0.0.1 is in use; set PORT to another one.`);
});

test('workers on SQLite are refused before anything is made', async (t) => {
  const folder = join(temporaryFolder(t), 'data');
  const { code, stderr } = await runInksong(t, ['serve', '--workers', '2'], {
    environment: { PORT: '0', INKSONG_DATA_DIR: folder },
  });
  assert.equal(code, 1);
  assert.match(stderr, /^Inksong cannot use its configuration:\n- INKSONG_WORKERS must be 1 on SQLite: [^\n]*\n$/);
  assert.ok(!existsSync(folder));
});

test('a HOST that is no address of this machine is said', async (t) => {
  const environment = {
    INKSONG_DATA_DIR: join(temporaryFolder(t), 'data'),
    // RFC 5737: for documentation, so no machine has it.
    HOST: '192.0.2.1',
    INKSONG_PUBLIC_URL: 'https://api.example.com',
    INKSONG_SIGNUP: 'closed',
  };
  assert.equal(await refusal(t, { environment }), 'HOST 192.0.2.1 is not an address of this machine.');
});

test('a port that this user may not open is said with what to do', () => {
  // Whether a process may open low ports is the machine's setting, so the system's answer is made up here.
  const denied = Object.assign(new Error('listen EACCES: permission denied 127.0.0.1:80'), {
    code: 'EACCES',
    syscall: 'listen',
    address: '127.0.0.1',
    port: 80,
  });
  assert.equal(
    explain(denied, readConfig({})),
    'Port 80 on 127.0.0.1 is not allowed for this user; set PORT to 1024 or above.',
  );
});

test('a data folder that is a file, or lies in one, is said', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'file');
  writeFileSync(file, '');
  for (const path of [file, join(file, 'data')]) {
    const line = await refusal(t, { environment: { INKSONG_DATA_DIR: path } });
    assert.equal(
      line,
      `The data folder ${path} cannot be used: something on its path is a file where a folder is needed.`,
    );
  }
});

test('a data folder that cannot be written is said', async (t) => {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o500);
  // Permissions do not bind root; the kernel's own folder binds everybody.
  const path = process.getuid?.() === 0 ? '/sys/inksong' : join(folder, 'data');
  const line = await refusal(t, { environment: { INKSONG_DATA_DIR: path } });
  assert.match(line, /^The data folder \/.* cannot be written by this user \(E(ACCES|PERM|ROFS)\)\.$/);
});

test('a database file that is none is said, and left as it is', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'inksong.db');
  writeFileSync(path, 'not a database at all, but long enough to have a header. '.repeat(40));
  const line = await refusal(t, { environment: { INKSONG_DATA_DIR: folder } });
  assert.equal(line, `${path} is not a SQLite database; point DATABASE_URL elsewhere, or restore a backup.`);
});

test('a damaged database is said', async (t) => {
  const folder = temporaryFolder(t);
  const environment = { INKSONG_DATA_DIR: folder };
  assert.equal((await runInksong(t, ['migrate'], { environment })).code, 0);
  const path = join(folder, 'inksong.db');
  const file = new DatabaseSync(path);
  const root = file.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'kysely_migration'").get()?.rootpage;
  file.close();
  const descriptor = openSync(path, 'r+');
  writeSync(descriptor, Buffer.alloc(pageBytes, 0xff), 0, pageBytes, (Number(root) - 1) * pageBytes);
  closeSync(descriptor);
  assert.match(await refusal(t, { environment }), / is damaged; restore a backup of it\.$/);
});

test('a database folder in the place of the file is said', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'inksong.db'));
  assert.match(await refusal(t, { environment: { INKSONG_DATA_DIR: folder } }), /inksong\.db cannot be opened; check/);
});

test("another program's database is refused and not written to", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'other.db');
  const other = new DatabaseSync(path);
  other.exec('CREATE TABLE recipes (name TEXT)');
  other.close();
  const line = await refusal(t, { environment: { INKSONG_DATA_DIR: folder, DATABASE_URL: path } });
  assert.match(line, /belongs to another program \(it has a table recipes\)/);
  const after = new DatabaseSync(path);
  assert.deepEqual(
    after
      .prepare('SELECT name FROM sqlite_schema')
      .all()
      .map(({ name }) => name),
    ['recipes'],
  );
  after.close();
});

test('a database of a newer version is refused by every command', async (t) => {
  const folder = temporaryFolder(t);
  const environment = { INKSONG_DATA_DIR: folder };
  await runInksong(t, ['migrate'], { environment });
  const file = new DatabaseSync(join(folder, 'inksong.db'));
  file.exec("INSERT INTO kysely_migration VALUES ('9999-from-the-future', '2030-01-01')");
  file.close();
  assert.match(await refusal(t, { environment }), /^This database belongs to a newer Inksong .*9999-from-the-future/);
  const list = await runInksong(t, ['accounts', 'list'], { environment });
  assert.equal(list.code, 1);
  assert.match(list.stderr, /^This database belongs to a newer Inksong [^\n]*\n$/);
});

test('every fault of the configuration is said at once, a line each', async (t) => {
  const { code, stderr } = await runInksong(t, ['serve'], {
    environment: { PORT: 'http', INKSONG_SINGUP: 'open', INKSONG_SECRET: 'short', INKSONG_PUBLIC_URL: 'ftp://x' },
  });
  assert.equal(code, 1);
  const [heading, ...faults] = stderr.trimEnd().split('\n');
  assert.equal(heading, 'Inksong cannot use its configuration:');
  assert.equal(faults.length, 4, stderr);
  for (const name of ['PORT', 'INKSONG_SINGUP', 'INKSONG_SECRET', 'INKSONG_PUBLIC_URL']) {
    assert.ok(
      faults.some((fault) => fault.startsWith(`- ${name} `)),
      `${name} is not among\n${stderr}`,
    );
  }
});

test('a .env file that cannot be read is said', async (t) => {
  const directory = temporaryFolder(t);
  mkdirSync(join(directory, '.env'));
  const { code, stderr } = await runInksong(t, ['serve'], { directory });
  assert.equal(code, 1);
  assert.match(stderr, /^Inksong cannot use its configuration:\n- The \.env file cannot be read: [^\n]+\n$/);
});
