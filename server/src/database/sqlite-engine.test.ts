import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { sql } from '#kysely';
import { type Database, openDatabase } from './database.ts';

const one = ({ query }: Database) => sql`SELECT 1 AS one`.compile(query);

const uses: Record<string, (database: Database) => Promise<unknown>> = {
  nothing: async () => {},
  'single queries': (database) => database.single.executeQuery(one(database)),
  queries: (database) => database.query.executeQuery(one(database)),
};

for (const [name, use] of Object.entries(uses)) {
  test(`a database that was used for ${name} has let go of its file once it is closed, and may be closed again`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'inksong-close-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const database = openDatabase({ engine: 'sqlite', path: join(folder, 'inksong.db') });
    await use(database);
    await database.close();
    await assert.rejects(database.single.executeQuery(one(database)), { code: 'unavailable' });
    await database.close();
  });
}

test('a column may have any name', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'inksong-columns-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const database = openDatabase({ engine: 'sqlite', path: join(folder, 'inksong.db') });
  t.after(() => database.close());
  for (const name of ['a"]: 0 }; throw 1; //\\', 'two\nlines', '\u2028', "'`$"]) {
    const { rows } = await sql`SELECT 1 AS ${sql.id(name)}, 2 AS other`.execute(database.query);
    assert.deepEqual(rows, [{ [name]: 1, other: 2 }]);
  }
});
