import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { sql } from '#kysely';
import { flushesOf } from '../src/app.ts';
import { statementRun } from '../src/database/statement-run.ts';
import { runEach } from '../src/housekeeping.ts';
import { bootServer, temporaryDirectory } from './boot.ts';

test('what is gathered of rows that another node is writing to waits for it, and is not undone', async (t) => {
  const INKSONG_DATA_DIR = temporaryDirectory(t);
  const [server, other] = [await bootServer(t, { INKSONG_DATA_DIR }), await bootServer(t, { INKSONG_DATA_DIR })];
  const { id, apiKey, accessToken } = await server.register();
  const bearer = accessToken;
  const { items } = (await server.call('GET', '/api-keys/', { bearer })).json;
  const path = `/api-keys/${items[0].id}`;
  const key = (await server.call('POST', `${path}/rotate`, { bearer })).json.api_key;
  /** Something for each flush to save. */
  const use = async (): Promise<void> => {
    assert.equal((await server.call('GET', '/me', { key })).status, 200);
    assert.equal((await server.call('GET', '/me', { bearer })).status, 200);
    assert.equal((await server.call('GET', '/me', { key: apiKey })).status, 401);
    await server.call('PATCH', path, { bearer, json: { allowed_ips: ['192.0.2.1'] } });
    assert.equal((await server.call('GET', '/me', { key })).status, 403);
    await server.call('PATCH', path, { bearer, json: { allowed_ips: null } });
  };
  await use();
  // So that there are rows to lock.
  await runEach(flushesOf(server.services), server.app.log);
  await use();

  const held = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  const { database } = other.services;
  const holding = database.lockingTransaction(async (trx) => {
    await trx.updateTable('api_keys').set({ last_used_at: 1 }).where('account_id', '=', id).execute();
    await trx.updateTable('sessions').set({ address: '' }).where('account_id', '=', id).execute();
    await trx.updateTable('retired_api_keys').set({ attempts: 1 }).where('account_id', '=', id).execute();
    await trx.updateTable('accounts').set({ disabled_at: null }).where('id', '=', id).execute();
    await trx.updateTable('usage_days').set({ count: 1 }).where('account_id', '=', id).execute();
    locked.resolve();
    await held.promise;
  });
  await locked.promise;
  const undone: string[] = [];
  t.after(statementRun.listen(({ sql: text }) => void (text === 'ROLLBACK' && undone.push(text))));
  const flushes = flushesOf(server.services);
  const flushing = runEach(flushes, server.app.log);
  try {
    while ((await waiting()) < flushes.length) await setImmediate();
  } finally {
    held.resolve();
  }
  await holding;
  await flushing;
  assert.deepEqual(undone, []);

  async function waiting(): Promise<number> {
    const { rows } = await sql<{ count: number }>`
      SELECT count(*) AS count FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
    `.execute(database.query);
    return rows[0]?.count ?? 0;
  }
});
