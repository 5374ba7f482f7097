import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { backUpDatabase } from '../src/database/backup.ts';
import { copyDatabase } from '../src/database/whole-file.ts';
import { bootServer, databaseFile } from './boot.ts';
import { damagePage } from './damage-page.ts';
import { runInksong, temporaryFolder } from './run-inksong.ts';

test('a damaged database is not backed up, and nothing is left behind', async (t) => {
  const server = await bootServer(t);
  await server.close();
  damagePage(databaseFile(server), 'sqlite_autoindex_accounts_1');
  const folder = temporaryFolder(t);
  const { code, stdout, stderr } = await runInksong(t, ['backup', join(folder, 'copy.db')], {
    environment: server.environment,
  });
  assert.equal(code, 1, stdout);
  assert.match(stderr, /damaged/);
  assert.deepEqual(readdirSync(folder), []);
});

test('a file whose pages the live one cannot take, and the live one itself, are refused', async (t) => {
  const server = await bootServer(t);
  const ada = await server.register();
  const path = join(temporaryFolder(t), 'pages.db');
  await backUpDatabase(server.config.database, path);
  const file = new DatabaseSync(path);
  file.exec('PRAGMA page_size = 8192; VACUUM');
  file.close();
  const cases: [path: string, said: RegExp][] = [
    [path, /another page size/],
    [databaseFile(server), /is the live database itself\.\n$/],
  ];
  for (const [path, said] of cases) {
    const { code, stderr } = await runInksong(t, ['restore', path, '--yes'], { environment: server.environment });
    assert.equal(code, 1);
    assert.match(stderr, said);
    assert.equal((await server.call('GET', '/me', { bearer: ada.accessToken })).status, 200);
  }
});

test('a copy into a database whose lock is taken is refused for now, and works once it is free', async (t) => {
  const folder = temporaryFolder(t);
  const source = new DatabaseSync(join(folder, 'source.db'));
  source.exec('CREATE TABLE new (x)');
  const path = join(folder, 'target.db');
  const holder = new DatabaseSync(path);
  holder.exec('PRAGMA journal_mode = WAL; CREATE TABLE old (x); BEGIN IMMEDIATE; INSERT INTO old VALUES (1)');
  assert.equal(await copyDatabase(source, path), false);
  holder.exec('COMMIT');
  assert.equal(holder.prepare('SELECT count(*) AS n FROM old').get()?.n, 1);
  assert.equal(await copyDatabase(source, path), true);
  assert.equal(holder.prepare('SELECT name FROM sqlite_schema').get()?.name, 'new');
  holder.close();
  source.close();
});

test('a restore into an empty folder makes an installation that doctor finds sound, and later ones keep its secret', async (t) => {
  const server = await bootServer(t);
  await server.register();
  const path = join(temporaryFolder(t), 'inksong.db');
  await backUpDatabase(server.config.database, path);
  const dataDirectory = join(temporaryFolder(t), 'data');
  const environment = { INKSONG_DATA_DIR: dataDirectory };
  const secrets: string[] = [];
  for (let restore = 0; restore < 2; restore++) {
    const restored = await runInksong(t, ['restore', path, '--yes'], { environment });
    assert.equal(restored.code, 0, restored.stderr);
    secrets.push(readFileSync(join(dataDirectory, 'secret'), 'utf8'));
  }
  assert.equal(secrets[0], secrets[1]);
  const { code, stdout } = await runInksong(t, ['doctor'], { environment });
  assert.equal(code, 0, stdout);
});
