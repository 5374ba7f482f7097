import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { type Finished, runInksong, temporaryFolder } from './run-inksong.ts';

async function succeed(finished: Promise<Finished>): Promise<string> {
  const { code, stdout, stderr } = await finished;
  assert.equal(code, 0, stderr);
  return stdout;
}

test('commands on no database, or one that is not migrated, say so and make nothing', async (t) => {
  const folder = temporaryFolder(t);
  const environment = { INKSONG_DATA_DIR: join(folder, 'data') };
  const { code, stderr } = await runInksong(t, ['accounts', 'list'], { environment });
  assert.equal(code, 1);
  assert.match(stderr, /^There is no database at [^\n]+ yet; start the server, or run inksong migrate\.\n$/);
  assert.equal(existsSync(environment.INKSONG_DATA_DIR), false);

  new DatabaseSync(join(folder, 'inksong.db')).close();
  const empty = { INKSONG_DATA_DIR: folder };
  const unmigrated = await runInksong(t, ['accounts', 'list'], { environment: empty });
  assert.equal(unmigrated.code, 1);
  assert.match(unmigrated.stderr, /^This database lacks 0001-initial[^\n]*: run inksong migrate, [^\n]+\n$/);
  assert.ok(JSON.parse(await succeed(runInksong(t, ['migrate', '--json'], { environment: empty }))).applied.length > 0);
  assert.deepEqual(JSON.parse(await succeed(runInksong(t, ['migrate', '--json'], { environment: empty }))).applied, []);
  assert.deepEqual(
    JSON.parse(await succeed(runInksong(t, ['accounts', 'list', '--json'], { environment: empty }))),
    [],
  );
});
