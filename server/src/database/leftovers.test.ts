import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { removeLeftovers, unfinishedPath } from './leftovers.ts';

function emptyFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'inksong-leftovers-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Returns the name that a process which has ended gave to its unfinished work. */
function nameOfEndedProcess(path: string): string {
  const program = `import { unfinishedPath } from '${new URL('leftovers.ts', import.meta.url)}';
    process.stdout.write(unfinishedPath(${JSON.stringify(path)}));`;
  return spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' }).stdout;
}

test('unfinished work of a process that ended is removed with all its files, other names are not', (t) => {
  const path = join(emptyFolder(t), 'inksong.db');
  const draft = nameOfEndedProcess(path);
  assert.ok(draft.startsWith(`${path}.unfinished-`));
  const kept = [path, `${path}-wal`, join(path, '..', 'other.db.unfinished-00000000-1-00000000')];
  for (const file of [draft, `${draft}-journal`, `${draft}-wal`, ...kept]) writeFileSync(file, '');
  removeLeftovers(path);
  assert.deepEqual(readdirSync(join(path, '..')).sort(), kept.map((file) => basename(file)).sort());
});

test('unfinished work of a running process stays, in whatever container it runs, until a day has passed', (t) => {
  const path = join(emptyFolder(t), 'inksong.db');
  // The id of a process that is gone here may be that of one at work elsewhere on the same volume.
  const elsewhere = nameOfEndedProcess(path).replace(/unfinished-[0-9a-f]{8}/, 'unfinished-00000000');
  const drafts = [unfinishedPath(path), elsewhere, `${path}.unfinished-of another form`];
  for (const draft of drafts) writeFileSync(draft, '');
  removeLeftovers(path);
  assert.equal(readdirSync(join(path, '..')).length, 3);
  const yesterday = Date.now() / 1000 - 25 * 3600;
  for (const draft of drafts) utimesSync(draft, yesterday, yesterday);
  removeLeftovers(path);
  assert.deepEqual(readdirSync(join(path, '..')), []);
});

test('what a process with the same id has left is not in the way', () => {
  assert.notEqual(unfinishedPath('inksong.db'), unfinishedPath('inksong.db'));
});
