import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { sql } from '#kysely';
import { backUpDatabase } from '../src/database/backup.ts';
import { tables } from '../src/database/table-list.ts';
import { bootServer, type TestServer, temporaryDirectory } from './boot.ts';
import { embedded } from './embedded.ts';
import { runInksong, startInksong, temporaryFolder } from './run-inksong.ts';

/** Has something happen each time a statement that matches has been answered, before whoever sent it sees the answer. */
function afterEach(t: TestContext, matches: RegExp, happen: (statement: string) => Promise<void>): void {
  const original = pg.Client.prototype.query as (...words: unknown[]) => Promise<unknown>;
  t.mock.method(pg.Client.prototype, 'query', async function (this: pg.Client, ...words: unknown[]) {
    const [{ text = '' }] = words as [{ text?: string }];
    const answer = await original.apply(this, words);
    if (matches.test(text)) await happen(text);
    return answer;
  });
}

test('every table in PostgreSQL is one that a backup copies, and none counts in a sequence that a restore would have to set', async (t) => {
  const { services } = await bootServer(t);
  const { query } = services.database;
  const made = (await query.introspection.getTables()).map(({ name }) => name);
  assert.deepEqual(made.sort(), tables.toSorted());
  const { rows } = await sql`SELECT 1 FROM pg_sequences WHERE schemaname = current_schema()`.execute(query);
  assert.deepEqual(rows, []);
});

test('a backup is of one moment, and nobody waits for it: who signs up and uploads between the reading of two tables is wholly in or wholly out', async (t) => {
  const server = await bootServer(t);
  const before = await server.register('before@example.com');
  await server.call('POST', '/documents/', { key: before.apiKey, json: { title: 'before', content: 'before' } });
  const path = join(temporaryFolder(t), 'inksong.db');
  const seen: string[] = [];
  let isBusy = false;
  // A backup is alone in reading columns by their alphabet.
  const batch =
    /^SELECT "(?:created_at", "disabled_at|account_id", "address|bytes)".* FROM "(accounts|sessions|content_chunks)"/;
  afterEach(t, batch, async (statement) => {
    if (isBusy) return;
    isBusy = true;
    seen.push(batch.exec(statement)?.[1] ?? '');
    const person = await server.register(`during-${seen.at(-1)}@example.com`);
    const upload = { key: person.apiKey, json: { title: 'during', content: 'during' } };
    assert.equal((await server.call('POST', '/documents/', upload)).status, 201);
    const rotated = await server.call('POST', `/api-keys/${before.apiKeyId}/rotate`, { bearer: before.accessToken });
    assert.equal(rotated.status, 200);
    isBusy = false;
  });
  const made = await backUpDatabase(server.config.database, path);
  assert.deepEqual(seen, ['accounts', 'sessions', 'content_chunks']);
  assert.deepEqual([made.accounts, made.documents], [1, 1]);
  const file = new DatabaseSync(path, { readOnly: true });
  const count = (table: string) => file.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.count;
  assert.deepEqual(
    ['accounts', 'api_keys', 'sessions', 'retired_api_keys', 'content_chunks'].map(count),
    [1, 1, 1, 0, 1],
  );
  file.close();
});

test('a backup has everything that was answered before it began', async (t) => {
  const server = await bootServer(t);
  const ada = await server.register();
  const folder = temporaryFolder(t);
  for (let round = 0; round < 20; round++) {
    const burst = Array.from({ length: 5 }, (_, n) =>
      server.call('POST', '/documents/', { key: ada.apiKey, json: { title: `${round}-${n}`, content: 'x' } }),
    );
    for (const { status } of await Promise.all(burst)) assert.equal(status, 201);
    const made = await backUpDatabase(server.config.database, join(folder, `${round}.db`));
    assert.equal(made.documents, (round + 1) * 5);
  }
});

test('a backup of PostgreSQL goes back into a SQLite file, and the other way round', async (t) => {
  const server = await bootServer(t);
  const ada = await server.register('ada@example.com');
  const content = Buffer.concat([Buffer.alloc(300_000), Buffer.from('“é\u{1f426}”\0')]);
  const headers = { 'Content-Type': 'multipart/form-data; boundary=b' };
  const body = Buffer.concat([
    Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; filename="é\u{1f426}.bin"\r\n\r\n'),
    content,
    Buffer.from('\r\n--b--\r\n'),
  ]);
  const { json: document } = await server.call('POST', '/documents/', { key: ada.apiKey, headers, body });
  const folder = temporaryFolder(t);
  const first = join(folder, 'first.db');
  const run = async (words: string[], environment: Record<string, string>): Promise<string> => {
    const { code, stdout, stderr } = await runInksong(t, words, { environment });
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const holds = async (other: TestServer): Promise<void> => {
    assert.equal((await other.call('GET', '/me', { key: ada.apiKey })).json.email, 'ada@example.com');
    const { bytes } = await other.call('GET', `/documents/${document.id}/content`, { key: ada.apiKey });
    assert.ok(bytes.equals(content));
    assert.deepEqual((await other.call('GET', `/documents/${document.id}`, { key: ada.apiKey })).json, document);
    assert.equal((await other.call('GET', '/me', { bearer: ada.accessToken })).status, 401);
    await other.login(ada);
  };
  await run(['backup', first], server.environment);

  const small = embedded(temporaryDirectory(t));
  assert.match(
    await run(['restore', first, '--yes'], small),
    /^Restored 1 account and 1 document .* Ended 1 session, /,
  );
  const onSqlite = await bootServer(t, small);
  assert.equal(onSqlite.services.database.engine, 'sqlite');
  await holds(onSqlite);
  const second = join(folder, 'second.db');
  await run(['backup', second], small);

  await server.call('DELETE', `/documents/${document.id}`, { key: ada.apiKey });
  assert.match(await run(['restore', second, '--yes'], server.environment), /^Restored 1 account and 1 document /);
  await holds(server);
});

test('what a newer Inksong has migrated is neither backed up nor replaced', async (t) => {
  const server = await bootServer(t);
  const ada = await server.register();
  const good = join(temporaryFolder(t), 'good.db');
  await backUpDatabase(server.config.database, good);
  await sql`INSERT INTO kysely_migration VALUES ('9999-future', '2030-01-01')`.execute(server.services.database.query);
  for (const words of [
    ['backup', join(temporaryFolder(t), 'new.db')],
    ['restore', good, '--yes'],
  ]) {
    const { code, stderr } = await runInksong(t, words, { environment: server.environment });
    assert.equal(code, 1);
    assert.match(stderr, /^This database belongs to a newer Inksong \(it has 9999-future\)[^\n]*\n$/);
  }
  assert.equal((await server.call('GET', '/me', { bearer: ada.accessToken })).status, 200);
});

test('a backup that is killed leaves no file by its name, and the next one clears away what it left', async (t) => {
  const server = await bootServer(t);
  const { id } = await server.register();
  const { query } = server.services.database;
  await query
    .insertInto('content_versions')
    .values({ id: 'ver_ballast', account_id: id, size: 0, released_at: 1 })
    .execute();
  await sql`INSERT INTO content_chunks (version_id, seq, bytes)
    SELECT 'ver_ballast', i, decode(repeat('00', 262144), 'hex') FROM generate_series(0, 191) i`.execute(query);
  const folder = temporaryFolder(t);
  const path = join(folder, 'inksong.db');
  const { environment } = server;
  const backup = startInksong(t, ['backup', path], { environment });
  let isOver = false;
  void backup.finished.then(() => {
    isOver = true;
  });
  const bytesSoFar = (): number =>
    readdirSync(folder)
      .filter((name) => /unfinished/.test(name))
      .reduce((sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0), 0);
  while (!isOver && bytesSoFar() < 16 * 2 ** 20) await new Promise(setImmediate);
  assert.equal(isOver, false, 'the backup was over before it could be killed');
  backup.signal('SIGKILL');
  await backup.finished;
  assert.ok(readdirSync(folder).length > 0 && readdirSync(folder).every((name) => /unfinished/.test(name)));
  const again = await runInksong(t, ['backup', path], { environment });
  assert.equal(again.code, 0, again.stderr);
  assert.deepEqual(readdirSync(folder), ['inksong.db']);
});
