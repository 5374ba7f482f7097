import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { tables } from '../src/database/table-list.ts';
import { bootServer, type TestAccount, type TestServer, temporaryDirectory } from './boot.ts';
import { embedded } from './embedded.ts';
import { enlarge } from './restore-scene.ts';
import { type Finished, runInksong, startInksong, temporaryFolder } from './run-inksong.ts';
import { seenAt } from './seen-statement.ts';
import { administer, databaseSettings } from './test-database.ts';

interface Scene {
  /** On a SQLite file; still serving. */
  server: TestServer;
  ada: TestAccount;
  file: string;
  settings: Record<string, string>;
  /** Of an empty PostgreSQL. */
  url: string;
  move(...words: string[]): Promise<Finished>;
}

async function scene(t: TestContext): Promise<Scene> {
  const folder = temporaryDirectory(t);
  const settings = embedded(folder);
  const server = await bootServer(t, settings);
  const ada = await server.register('ada@example.com');
  const { DATABASE_URL: url = '' } = await databaseSettings(t, temporaryDirectory(t), 'empty');
  const { password } = new URL(url);
  return {
    server,
    ada,
    file: join(folder, 'inksong.db'),
    settings,
    url,
    async move(...words) {
      const finished = await runInksong(t, ['migrate-to', ...(words.length > 0 ? words : [url])], {
        environment: settings,
      });
      const said = finished.stdout + finished.stderr;
      assert.equal(said.includes(password), false, 'a password was printed');
      return finished;
    },
  };
}

/** What a table of a SQLite file holds. */
function rowsOf(path: string): Record<string, number> {
  const file = new DatabaseSync(path, { readOnly: true });
  const count = (table: string) => Number(file.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.count);
  const rows = Object.fromEntries(tables.map((table) => [table, count(table)]));
  file.close();
  return rows;
}

test('after migrate-to the same keys, tokens, sessions and links work on PostgreSQL, and every document is the same', async (t) => {
  const { server, ada, file, settings, url, move } = await scene(t);
  const eve = await server.register('eve@example.com');
  const rotated = await server.call('POST', `/api-keys/${eve.apiKeyId}/rotate`, { bearer: eve.accessToken });
  const { token } = await server.services.accounts.invite('bob@example.com');
  const contents = [
    randomBytes(5 * 2 ** 20 + 1),
    Buffer.alloc(300_000),
    Buffer.from(''),
    Buffer.from('\0“é\u{1f426}”\0'),
  ];
  const documents: { id: string }[] = [];
  for (const [index, content] of contents.entries()) {
    const body = new FormData();
    body.set('file', new Blob([content]), `é\u{1f426} ${index}.bin`);
    body.set('title', ['plain', '“\u{1f426}” \u202eé', 'e\u0301', '\uffee 日本'][index] ?? '');
    const { status, json } = await server.call('POST', '/documents/', { key: ada.apiKey, body });
    assert.equal(status, 201);
    documents.push(json);
  }
  await server.close();
  const before = rowsOf(file);

  const { code, stdout, stderr } = await move();
  assert.equal(code, 0, stderr);
  const total = Object.values(before).reduce((sum, count) => sum + count, 0);
  assert.match(
    stdout,
    new RegExp(
      `^Moved 2 accounts and 4 documents \\(\\d+ bytes\\) to [^\\n]+: ${total} rows of ${tables.length} tables, `,
    ),
  );
  const secret = join(settings.INKSONG_DATA_DIR ?? '', 'secret');
  assert.ok(stdout.includes(`  INKSONG_SECRET_FILE=${secret}\n  INKSONG_PUBLIC_URL=http://localhost:8080\n`), stdout);

  const moved = await bootServer(t, {
    INKSONG_DATA_DIR: temporaryDirectory(t),
    DATABASE_URL: url,
    INKSONG_SECRET: '',
    INKSONG_SECRET_FILE: secret,
  });
  assert.equal(moved.services.database.engine, 'postgres');
  assert.equal((await moved.call('GET', '/me', { key: ada.apiKey })).json.id, ada.id);
  assert.equal((await moved.call('GET', '/me', { key: rotated.json.api_key })).json.id, eve.id);
  assert.equal((await moved.call('GET', '/me', { key: eve.apiKey })).status, 401);
  assert.equal((await moved.call('GET', '/me', { bearer: ada.accessToken })).json.session_id, ada.sessionId);
  const refreshed = await moved.call('POST', '/auth/refresh', { refreshToken: ada.refreshToken });
  assert.equal(refreshed.status, 200);
  assert.equal((await moved.call('GET', '/me', { bearer: refreshed.json.access_token })).status, 200);
  const signUp = { email: 'bob@example.com', password: 'seven quiet herons crossing water', invitation: token };
  assert.equal((await moved.call('POST', '/auth/register', { json: signUp })).status, 201);
  for (const [index, document] of documents.entries()) {
    assert.deepEqual((await moved.call('GET', `/documents/${document.id}`, { key: ada.apiKey })).json, document);
    const { bytes } = await moved.call('GET', `/documents/${document.id}/content`, { key: ada.apiKey });
    assert.ok(bytes.equals(contents[index] ?? Buffer.from('?')));
  }
  await moved.call('DELETE', `/documents/${documents[0]?.id}`, { key: ada.apiKey });
});

test('a file that has moved keeps its rows, and no version serves, backs up or moves it any more', async (t) => {
  const { server, ada, file, settings, url, move } = await scene(t);
  await server.close();
  const before = rowsOf(file);
  const urlFile = join(temporaryFolder(t), 'url');
  writeFileSync(urlFile, `${url}\n`);
  const moved = await move('--url-file', urlFile, '--json');
  assert.equal(moved.code, 0, moved.stderr);
  assert.deepEqual(JSON.parse(moved.stdout).rows, before);
  assert.equal(JSON.parse(moved.stdout).settings.DATABASE_URL_FILE, urlFile);
  assert.deepEqual(rowsOf(file), before);
  const commands = [
    ['migrate'],
    ['accounts', 'list'],
    ['backup', join(temporaryFolder(t), 'b.db')],
    ['migrate-to', url],
    ['serve'],
  ];
  for (const words of commands) {
    const { code, stderr } = await runInksong(t, words, { environment: { ...settings, PORT: '0' } });
    assert.equal(code, 1, words.join(' '));
    assert.match(stderr, /^This database has moved to PostgreSQL [^\n]*\n$/);
  }
  await assertCopyRestores(t, { file, settings, ada });
});

test('migrate-to refuses while the file is open elsewhere, and leaves PostgreSQL empty', async (t) => {
  const { server, ada, file, url, move } = await scene(t);
  const refused = await move();
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /inksong\.db is in use: stop Inksong [^\n]*\n$/);
  assert.equal((await server.call('GET', '/me', { key: ada.apiKey })).status, 200);
  const upload = { key: ada.apiKey, json: { title: 'later', content: 'later' } };
  assert.equal((await server.call('POST', '/documents/', upload)).status, 201);
  assert.deepEqual((await administer(url, 'SELECT id FROM accounts')).rows, []);
  await server.close();

  const reader = new DatabaseSync(file, { readOnly: true });
  reader.prepare('SELECT count(*) FROM accounts').get();
  assert.match((await move()).stderr, /is in use/);
  reader.close();
  const moved = await move();
  assert.equal(moved.code, 0, moved.stderr);
  assert.equal((await administer(url, "SELECT id FROM documents WHERE title = 'later'")).rows.length, 1);
});

test('migrate-to refuses a PostgreSQL that holds something, and says what to do', async (t) => {
  const { server, url, move } = await scene(t);
  await server.close();
  const other = await bootServer(t);
  await other.register();
  const taken = await move(String(other.environment.DATABASE_URL));
  assert.match(
    taken.stderr,
    /^inksong_test_\w+ on 127\.0\.0\.1:\d+ as inksong is not empty \(table accounts has rows\): [^\n]*\n$/,
  );
  await administer(url, 'CREATE TABLE something_else (x int)');
  assert.match(
    (await move()).stderr,
    /^This database belongs to another program \(it has a table something_else\)[^\n]*\n$/,
  );
  await administer(url, 'DROP TABLE something_else');
  const moved = await move();
  assert.equal(moved.code, 0, moved.stderr);
});

test('migrate-to explains a URL that it cannot use, without its password', async (t) => {
  const { server, file, settings, url, move } = await scene(t);
  await server.close();
  const unreachable = new URL(url);
  unreachable.port = '1';
  const cases: [words: string[], said: RegExp][] = [
    [[unreachable.href], /^PostgreSQL does not answer at [^\n]*:1 as inksong \(ECONNREFUSED\)\.\n$/],
    [[`${url}?sslmode=require`], /^The URL has sslmode=require, /],
    [[url.replace('@', '%@')], /^The URL holds a % that /],
    [[file], /^The URL must begin with postgres:\/\/\.\n$/],
    [['--url-file', '/nowhere/url'], /^\/nowhere\/url cannot be read \(ENOENT\)\.\n$/],
    [['--json'], /^Say where to: /],
  ];
  for (const [words, said] of cases) {
    const { code, stderr } = await move(...words);
    assert.equal(code, 1);
    assert.match(stderr, said);
  }
  const { stderr } = await runInksong(t, ['migrate-to', url], {
    environment: {
      ...settings,
      DATABASE_URL: url,
      INKSONG_SECRET: 'x'.repeat(32),
      INKSONG_PUBLIC_URL: 'http://localhost',
    },
  });
  assert.match(stderr, /^DATABASE_URL is of PostgreSQL already: /);
});

test('a row that is not the same on the other side is found, nothing has moved, and the file goes on being served', async (t) => {
  const { server, ada, file, settings, url, move } = await scene(t);
  for (let n = 0; n < 20; n++) {
    await server.call('POST', '/documents/', { key: ada.apiKey, json: { title: `n ${n}`, content: 'x' } });
  }
  await server.close();
  await runInksong(t, ['migrate'], { environment: { ...settings, ...onPostgres(url) } });
  await administer(
    url,
    `CREATE FUNCTION corrupt() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN IF NEW.title = ''n 13'' THEN NEW.updated_at := NEW.updated_at + 1; END IF; RETURN NEW; END'`,
    'CREATE TRIGGER corrupt BEFORE INSERT ON documents FOR EACH ROW EXECUTE FUNCTION corrupt()',
  );
  const bytes = readFileSync(file);
  const { code, stderr } = await move();
  assert.equal(code, 1);
  assert.match(stderr, /^The copy is not what was read: table documents differs between doc_\w+ and doc_\w+\.\n$/);
  assert.deepEqual((await administer(url, 'SELECT id FROM accounts')).rows, []);
  assert.ok(readFileSync(file).equals(bytes));
  const again = await bootServer(t, settings);
  assert.equal((await again.call('GET', '/me', { key: ada.apiKey })).status, 200);
});

test('a move that is killed on the way leaves PostgreSQL without a row and the file as it was, and works the next time', async (t) => {
  const { server, ada, file, settings, url, move } = await scene(t);
  await server.close();
  enlarge(file, ada.id);
  const before = rowsOf(file);
  const killed = startInksong(t, ['migrate-to', url], { environment: settings });
  let isOver = false;
  void killed.finished.then(() => {
    isOver = true;
  });
  assert.ok(await seenAt(url, 'INSERT INTO "content_chunks"%', () => isOver), 'it was over before it could be killed');
  const other = new DatabaseSync(file, { timeout: 0 });
  assert.throws(() => other.prepare('SELECT count(*) FROM accounts').get(), /database is locked/);
  other.close();
  killed.signal('SIGKILL');
  assert.equal((await killed.finished).code, null);
  assert.deepEqual((await administer(url, 'SELECT id FROM accounts')).rows, []);
  assert.deepEqual(rowsOf(file), before);
  const moved = await move('--json', url);
  assert.equal(moved.code, 0, moved.stderr);
  assert.deepEqual(JSON.parse(moved.stdout).rows, before);
});

/**
 * Kills a move while PostgreSQL is at its COMMIT, and then lets that come to its end, or undoes it. Resolves when
 * PostgreSQL has done either.
 */
async function cutOffAtCommit(
  t: TestContext,
  { settings, url }: Pick<Scene, 'settings' | 'url'>,
  end: 'commits' | 'is undone',
): Promise<void> {
  await runInksong(t, ['migrate'], { environment: { ...settings, ...onPostgres(url) } });
  await administer(
    url,
    `CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END'`,
    `CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON accounts DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION wait()`,
  );
  const gate = new pg.Client({ connectionString: url });
  await gate.connect();
  // In a transaction, so that PgBouncer gives its session to nobody else.
  await gate.query('BEGIN; SELECT pg_advisory_xact_lock(1)');
  const killed = startInksong(t, ['migrate-to', url], { environment: settings });
  let isOver = false;
  void killed.finished.then(() => {
    isOver = true;
  });
  const isWaiting = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
  while ((await gate.query(isWaiting)).rows.length === 0) assert.ok(!isOver, 'it was over before it could be killed');
  killed.signal('SIGKILL');
  assert.equal((await killed.finished).code, null);
  const others = 'FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()';
  if (end === 'is undone') await gate.query(`SELECT pg_terminate_backend(pid) ${others}`);
  await gate.query('COMMIT');
  while ((await gate.query(`SELECT 1 ${others}`)).rows.length > 0);
  await gate.end();
  await administer(url, 'DROP TRIGGER wait ON accounts', 'DROP FUNCTION wait');
}

test('a move that is killed between its two commits leaves a file that nobody serves, and the next run ends it', async (t) => {
  const { server, ada, file, settings, url, move } = await scene(t);
  await server.close();
  const before = rowsOf(file);
  await cutOffAtCommit(t, { settings, url }, 'commits');
  assert.equal((await administer(url, 'SELECT id FROM accounts')).rows.length, before.accounts);
  const sentence =
    /^A move of this database to \w+ on 127\.0\.0\.1:\d+ as inksong was cut off at its last step: run inksong migrate-to with the same URL again[^\n]*\n$/;
  // Serving comes last: where it is not refused it does not end.
  for (const words of [['accounts', 'list'], ['migrate'], ['serve']]) {
    const { code, stderr } = await runInksong(t, words, { environment: { ...settings, PORT: '0' } });
    assert.equal(code, 1, words.join(' '));
    assert.match(stderr, sentence);
  }
  const { DATABASE_URL: elsewhere = '' } = await databaseSettings(t, temporaryDirectory(t), 'empty');
  const refused = await move(elsewhere);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /^A move of this database to [^\n]* may be complete there: run inksong migrate-to with that URL/,
  );

  const moved = await move('--json', url);
  assert.equal(moved.code, 0, moved.stderr);
  assert.deepEqual(JSON.parse(moved.stdout).rows, before);
  assert.deepEqual(rowsOf(file), before);
  assert.match((await move()).stderr, /^This database has moved to PostgreSQL /);
  const served = await bootServer(t, { ...onPostgres(url), INKSONG_DATA_DIR: temporaryDirectory(t) });
  assert.equal((await served.call('GET', '/me', { key: ada.apiKey })).status, 200);
});

test('a move whose commit PostgreSQL undid leaves a file that nobody serves, and the next run moves it', async (t) => {
  const { server, file, settings, url, move } = await scene(t);
  await server.close();
  const before = rowsOf(file);
  await cutOffAtCommit(t, { settings, url }, 'is undone');
  assert.deepEqual((await administer(url, 'SELECT id FROM accounts')).rows, []);
  const { stderr } = await runInksong(t, ['accounts', 'list'], { environment: settings });
  assert.match(stderr, /^A move of this database to /);
  const moved = await move('--json', url);
  assert.equal(moved.code, 0, moved.stderr);
  assert.deepEqual(JSON.parse(moved.stdout).rows, before);
});

test('a move that was cut off and served since is not done over, and a copy of the file still restores', async (t) => {
  const { server, ada, file, settings, url, move } = await scene(t);
  await server.close();
  await cutOffAtCommit(t, { settings, url }, 'commits');
  await administer(url, "UPDATE accounts SET email = 'eve@example.com'");
  const refused = await move();
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, / is not what [^\n]*inksong\.db holds\. If Inksong has served it since [^\n]*\n$/);
  assert.equal((await administer(url, "SELECT id FROM accounts WHERE email = 'eve@example.com'")).rows.length, 1);
  await assertCopyRestores(t, { file, settings, ada });
});

/** The way back: a copy of a file that has moved is a backup like any other. */
async function assertCopyRestores(
  t: TestContext,
  { file, settings, ada }: Pick<Scene, 'file' | 'settings' | 'ada'>,
): Promise<void> {
  const copy = join(temporaryFolder(t), 'copy.db');
  copyFileSync(file, copy);
  const restored = await runInksong(t, ['restore', copy, '--yes'], { environment: settings });
  assert.equal(restored.code, 0, restored.stderr);
  const again = await bootServer(t, settings);
  assert.equal((await again.call('GET', '/me', { key: ada.apiKey })).status, 200);
}

function onPostgres(url: string): Record<string, string> {
  return { DATABASE_URL: url, INKSONG_SECRET: 'x'.repeat(32), INKSONG_PUBLIC_URL: 'http://localhost:8080' };
}
