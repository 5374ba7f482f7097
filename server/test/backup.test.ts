import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { sql } from '#kysely';
import { Migrator } from '#kysely/migration';
import { brokenRules, documentsOfOtherBytes } from '../faults/instruments/stored-rules.ts';
import { openDatabase } from '../src/database/database.ts';
import { migrations } from '../src/database/migration-list.ts';
import { bootServer, goodPassword, type TestServer } from './boot.ts';
import { damagePage } from './damage-page.ts';
import { runInksong, temporaryFolder } from './run-inksong.ts';
import { databaseSettings } from './test-database.ts';

const secret = 'a secret that both servers of a test share';

async function backUp(t: TestContext, { environment }: TestServer, path: string) {
  const { code, stdout, stderr } = await runInksong(t, ['backup', path, '--json'], { environment });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

/** Returns every rule of what is stored that a backup breaks. */
async function faultsIn(path: string): Promise<string[]> {
  const file = new DatabaseSync(path, { readOnly: true });
  const reader = {
    engine: 'sqlite' as const,
    read: async (sql: string, ...values: SQLInputValue[]) => file.prepare(sql).all(...values),
  };
  try {
    return [...(await brokenRules(reader)), ...(await documentsOfOtherBytes(reader))];
  } finally {
    file.close();
  }
}

test('a backup made while writes go on restores elsewhere: people log in, keys work, documents are whole, sessions are over', async (t) => {
  const server = await bootServer(t, { INKSONG_SECRET: secret });
  const ada = await server.register('ada@example.com');
  const upload = (content: string) =>
    server.call('POST', '/documents/', { key: ada.apiKey, json: { title: content.slice(0, 20), content } });
  const before = (await upload('written before the backup')).json;

  const path = join(temporaryFolder(t), 'inksong.db');
  let backedUp = false;
  const backup = backUp(t, server, path).finally(() => {
    backedUp = true;
  });
  const uploaded = new Map<string, string>();
  for (let round = 0; !backedUp; round++) {
    const content = `${round} `.repeat(100_000);
    const answer = await upload(content);
    assert.equal(answer.status, 201, String(answer.bytes));
    uploaded.set(answer.json.id, content);
  }
  const made = await backup;
  assert.equal(made.accounts, 1);
  assert.ok(made.documents >= 1 && made.documents <= uploaded.size + 1);
  assert.deepEqual(await faultsIn(path), []);

  const elsewhere = join(temporaryFolder(t), 'data');
  const environment = {
    INKSONG_DATA_DIR: elsewhere,
    ...(await databaseSettings(t, elsewhere, 'empty')),
    INKSONG_SECRET: secret,
  };
  const restored = await runInksong(t, ['restore', path, '--yes', '--json'], { environment });
  assert.equal(restored.code, 0, restored.stderr);
  assert.equal(JSON.parse(restored.stdout).documents, made.documents);
  assert.equal(JSON.parse(restored.stdout).ended_sessions, 1);

  const other = await bootServer(t, environment);
  assert.equal((await other.call('GET', '/me', { key: ada.apiKey })).json.id, ada.id);
  assert.equal((await other.call('GET', '/me', { bearer: ada.accessToken })).status, 401);
  assert.equal((await other.call('POST', '/auth/refresh', { refreshToken: ada.refreshToken })).status, 401);
  await other.login(ada);
  const { items } = (await other.call('GET', '/documents/?limit=100', { key: ada.apiKey })).json;
  assert.ok(items.some(({ id }: { id: string }) => id === before.id));
  for (const { id, sha256 } of items) {
    const { bytes } = await other.call('GET', `/documents/${id}/content`, { key: ada.apiKey });
    assert.equal(hash('sha256', bytes, 'hex'), sha256);
    if (id !== before.id) assert.equal(String(bytes), uploaded.get(id));
  }
});

test('a backup is one private file that holds no key, token, password or secret', async (t) => {
  const server = await bootServer(t);
  const ada = await server.register('ada@example.com');
  const second = await server.login(ada);
  const { token } = await server.services.accounts.invite('bob@example.com');
  const folder = temporaryFolder(t);
  const path = join(folder, 'inksong.db');
  const made = await backUp(t, server, path);

  assert.deepEqual(readdirSync(folder), ['inksong.db']);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(made.file_bytes, statSync(path).size);
  const copy = new DatabaseSync(path, { readOnly: true });
  assert.equal(copy.prepare('PRAGMA journal_mode').get()?.journal_mode, 'delete');
  copy.close();
  const bytes = readFileSync(path);
  const secretOfServer =
    server.config.secret ?? readFileSync(join(server.config.dataDirectory, 'secret'), 'utf8').trim();
  const raw = [ada.apiKey, ada.accessToken, ada.refreshToken, second.refreshToken, goodPassword, token, secretOfServer];
  for (const each of raw) assert.equal(bytes.includes(each), false);
  assert.equal(bytes.includes('ada@example.com'), true);
});

test('a backup never overwrites, and leaves nothing behind when it fails', async (t) => {
  const server = await bootServer(t);
  const folder = temporaryFolder(t);
  const { environment } = server;
  const path = join(folder, 'precious');
  writeFileSync(path, 'precious');
  const refused = await runInksong(t, ['backup', path], { environment });
  assert.deepEqual(
    [refused.code, refused.stderr],
    [1, `${path} exists and is not overwritten; choose another name.\n`],
  );
  assert.equal(readFileSync(path, 'utf8'), 'precious');

  const nowhere = await runInksong(t, ['backup', join(folder, 'no', 'such.db')], { environment });
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.stderr, /^[^\n]+\n$/);
  assert.deepEqual(readdirSync(folder), ['precious']);
});

test('a file that is no sound backup of this version is refused, and nothing changes', async (t) => {
  const server = await bootServer(t);
  const ada = await server.register();
  const folder = temporaryFolder(t);
  const { environment } = server;
  const good = join(folder, 'good.db');
  await backUp(t, server, good);
  const named = (name: string, change: (path: string) => void): string => {
    const path = join(folder, name);
    writeFileSync(path, readFileSync(good));
    change(path);
    return path;
  };
  const change = (sql: string) => (path: string) => {
    const file = new DatabaseSync(path, { enableForeignKeyConstraints: false });
    file.exec(sql);
    file.close();
  };
  const cases: [path: string, said: RegExp][] = [
    [join(folder, 'absent.db'), /^There is no file /],
    [
      named('text.db', (path) => writeFileSync(path, 'not a database, though it has some length. '.repeat(50))),
      /is not a SQLite database\.$/,
    ],
    [named('damaged.db', (path) => damagePage(path, 'accounts')), /is (damaged|not readable)/],
    [
      named('orphan.db', change("UPDATE api_keys SET account_id = 'acc_none'")),
      /is damaged: a row of api_keys refers to none of accounts\.$/,
    ],
    [named('other.db', change('DROP TABLE kysely_migration')), /is not a backup of Inksong\.$/],
    [
      named('newer.db', change("INSERT INTO kysely_migration VALUES ('9999-future', '2030-01-01')")),
      /newer Inksong \(it has 9999-future\)/,
    ],
  ];
  for (const [path, said] of cases) {
    const { code, stdout, stderr } = await runInksong(t, ['restore', path, '--yes'], { environment });
    assert.equal(code, 1, `${path} ${stdout}`);
    assert.match(stderr.trimEnd(), said);
    assert.match(stderr, /^[^\n]+\n$/);
    assert.equal((await server.call('GET', '/me', { bearer: ada.accessToken })).status, 200);
  }
  const left = readdirSync(server.config.dataDirectory).filter((name) => name.includes('unfinished'));
  assert.deepEqual(left, []);
});

test('a backup of an older version is brought to this schema as it is restored', async (t) => {
  const server = await bootServer(t);
  const path = join(temporaryFolder(t), 'old.db');
  const old = openDatabase({ engine: 'sqlite', path });
  const migrator = new Migrator({ db: old.query, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateTo('0005-events-by-kind');
  assert.equal(error, undefined);
  await sql`INSERT INTO accounts (id, email, password_hash, created_at) VALUES ('acc_old', 'old@example.com', '', 0)`.execute(
    old.query,
  );
  await sql`INSERT INTO storage_usage (account_id, document_bytes, stored_bytes) VALUES ('acc_old', 0, 0)`.execute(
    old.query,
  );
  await old.close();
  const { environment } = server;
  const { code, stdout, stderr } = await runInksong(t, ['restore', path, '--yes', '--json'], { environment });
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(stdout).migrated[0], '0006-document-count');
  const { query } = server.services.database;
  const usage = await query.selectFrom('storage_usage').select('document_count').execute();
  assert.deepEqual(
    usage.map(({ document_count }) => document_count),
    [0],
  );
});
