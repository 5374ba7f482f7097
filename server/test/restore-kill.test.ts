import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { databaseFile } from './boot.ts';
import { restoreScene } from './restore-scene.ts';
import { runInksong, startInksong } from './run-inksong.ts';

test('a restore that is killed at any moment leaves the old content or the new, and the server never sees anything between', async (t) => {
  const { server, ada, backup, titles } = await restoreScene(t);
  // Large enough for the way to be seen: 48 MiB that the account does not show.
  const ballast = new DatabaseSync(backup);
  ballast.exec(`INSERT INTO content_versions (id, account_id, size) VALUES ('ver_ballast', '${ada.id}', 0)`);
  ballast.exec(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 191)
    INSERT INTO content_chunks (version_id, seq, bytes) SELECT 'ver_ballast', i, randomblob(262144) FROM n`);
  ballast.close();
  const restoredBytes = statSync(backup).size;
  await server.call('POST', '/documents/', { key: ada.apiKey, json: { title: 'new', content: 'new' } });

  const { environment } = server;
  const log = `${databaseFile(server)}-wal`;
  let killedOnTheWay = 0;
  for (const part of [0.05, 0.5, 0.9, 0.99]) {
    const restore = startInksong(t, ['restore', backup, '--yes'], { environment });
    let ended = false;
    void restore.finished.then(() => {
      ended = true;
    });
    while (!ended && statSync(log).size < restoredBytes * part) {
      assert.ok(isOneOf(await titles(ada.apiKey)), 'the server saw something between');
    }
    restore.signal('SIGKILL');
    const { code } = await restore.finished;
    const seen = await titles(ada.apiKey);
    assert.ok(isOneOf(seen), 'the kill left something between');
    const file = new DatabaseSync(databaseFile(server), { readOnly: true });
    assert.equal(file.prepare('PRAGMA integrity_check').get()?.integrity_check, 'ok');
    file.close();
    if (code !== null || seen.length === 1) break;
    killedOnTheWay++;
  }
  assert.ok(killedOnTheWay > 0, 'no restore was killed before it was done');

  const last = await runInksong(t, ['restore', backup, '--yes'], { environment });
  assert.equal(last.code, 0, last.stderr);
  assert.deepEqual(await titles(ada.apiKey), ['old']);
  const left = readdirSync(dirname(databaseFile(server))).filter((name) => name.includes('unfinished'));
  assert.deepEqual(left, [], 'what the killed ones left is not cleared away');
});

function isOneOf(titles: string[]): boolean {
  return ['new,old', 'old'].includes(titles.join());
}
