import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '#kysely';
import { choresOf } from '../src/app.ts';
import { statementRun } from '../src/database/statement-run.ts';
import { sliceRows } from '../src/slices.ts';
import { bootServer } from './boot.ts';
import { planOf, randomHex } from './database-probes.ts';

test('every purge heeds a stop', async (t) => {
  const { services } = await bootServer(t);
  const purges = choresOf(services).filter(({ name }) => /^(purge|forget) /.test(name));
  assert.ok(purges.length >= 8);
  for (const { name, run } of purges) {
    let statements = 0;
    const stopListening = statementRun.listen(() => statements++);
    await run(AbortSignal.abort());
    const whenStopped = statements;
    await run();
    stopListening();
    assert.equal(whenStopped, 0, `${name}, stopped before it began`);
    assert.ok(statements > 0, name);
  }
});

test('sessions that are over are purged with their tokens in slices, and a stop comes between two of them', async (t) => {
  const { services, register } = await bootServer(t);
  const { query } = services.database;
  const over = await register();
  const live = await register();
  const addTokens = (sessionId: string, count: number) =>
    sql`WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})
      INSERT INTO refresh_tokens (hash, session_id, used_at)
      SELECT ${randomHex} || ${randomHex}, ${sessionId}, 1700000000000 + n FROM numbers`.execute(query);
  await addTokens(over.sessionId, 2 * sliceRows);
  await addTokens(live.sessionId, 10);
  await query
    .updateTable('sessions')
    .set({ last_active_at: sql<number>`last_active_at - ${61 * 86_400_000}` })
    .where('id', '=', over.sessionId)
    .execute();
  const tokensOf = async (sessionId: string): Promise<number> =>
    (await query.selectFrom('refresh_tokens').select('hash').where('session_id', '=', sessionId).execute()).length;

  const stop = new AbortController();
  const stopListening = statementRun.listen(({ sql }) => {
    if (/^delete/.test(sql)) stop.abort();
  });
  await services.sessions.purge(stop.signal);
  stopListening();
  assert.equal(await tokensOf(over.sessionId), sliceRows + 1);
  const sessions = async () => (await query.selectFrom('sessions').select('id').execute()).map(({ id }) => id);
  assert.equal((await sessions()).length, 2, 'a session stays until its tokens are gone');

  await services.sessions.purge();
  assert.deepEqual(await sessions(), [live.sessionId]);
  assert.equal(await tokensOf(over.sessionId), 0);
  assert.equal(await tokensOf(live.sessionId), 11);
});

test('a refresh and the purge of sessions find their rows by an index, however many tokens a session has had', async (t) => {
  const { services, register, call } = await bootServer(t);
  const { refreshToken } = await register();
  const statements = new Set<string>();
  const stopListening = statementRun.listen(({ sql }) => statements.add(sql));
  assert.equal((await call('POST', '/auth/refresh', { refreshToken })).status, 200);
  await services.sessions.purge();
  stopListening();
  const plans = new Map<string, string[]>();
  for (const statement of statements) {
    if (!/refresh_tokens/.test(statement)) continue;
    plans.set(statement, await planOf(services.database, statement));
  }
  assert.ok(plans.size >= 4);
  for (const [statement, details] of plans) {
    for (const detail of details) assert.doesNotMatch(detail, /^SCAN|Seq Scan/, statement);
  }
  const erasure = [...plans].find(([statement]) =>
    /"session_id" = \S+ and "successor_nonce" is not null/.test(statement),
  );
  assert.match(String(erasure?.[1]), /refresh_tokens_answerable/);
});
