import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '#kysely';
import { bootServer } from './boot.ts';

// That the syncs really happen is seen from outside the process: see all/fsync.test.ts.
test('the connection the server answers from writes ahead and syncs every commit', async (t) => {
  const { query } = (await bootServer(t)).services.database;
  const pragma = async (name: string): Promise<unknown> => {
    const { rows } = await sql<Record<string, unknown>>`PRAGMA ${sql.raw(name)}`.execute(query);
    return Object.values(rows[0] ?? {})[0];
  };
  assert.equal(await pragma('journal_mode'), 'wal');
  assert.equal(await pragma('synchronous'), 2, 'FULL; NORMAL would lose answered changes in a power cut');
  assert.equal(await pragma('foreign_keys'), 1);
});
