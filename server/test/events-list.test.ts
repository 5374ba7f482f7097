import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '#kysely';
import { statementRun } from '../src/database/statement-run.ts';
import { bootServer, type TestServer } from './boot.ts';
import { planOf, randomHex } from './database-probes.ts';
import { testEngine } from './test-database.ts';

const kinds = ['signed_in', 'signed_out', 'api_key_renamed'];

/** Gives an account `count` events of three kinds, ten in each millisecond and in no order of their ids. */
async function fill({ services }: TestServer, accountId: string, count: number, fromMs: number): Promise<void> {
  await sql`
    WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count - 1})
    INSERT INTO events (id, account_id, kind, at)
    SELECT 'evt_' || ${randomHex}, ${accountId},
      CASE n % 7 WHEN 0 THEN 'signed_out' WHEN 1 THEN 'api_key_renamed' ELSE 'signed_in' END, CAST(${fromMs} AS BIGINT) + n / 10
    FROM numbers`.execute(services.database.query);
}

/** Walks all pages by their Link header; `between` runs before each but the first. Returns the ids in order. */
async function walk(server: TestServer, bearer: string, path: string, between: () => Promise<void>): Promise<string[]> {
  const ids: string[] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const { status, json, headers }: Awaited<ReturnType<TestServer['call']>> = await server.call('GET', next, {
      bearer,
    });
    assert.equal(status, 200);
    ids.push(...json.items.map(({ id }: { id: string }) => id));
    const link: string | undefined = /^<([^>]+)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1];
    assert.equal(link === undefined, json.next_cursor === null);
    next = link?.replace(server.config.publicUrl, '');
    if (next !== undefined) await between();
  }
  return ids;
}

test('pages of one kind hold every event of it once, newest first, while others are being written', async (t) => {
  const server = await bootServer(t);
  const { id: accountId, accessToken } = await server.register();
  const other = await server.register();
  await fill(server, accountId, 300, 1_700_000_000_000);
  await fill(server, other.id, 50, 1_700_000_000_000);
  const stored = await server.services.database.query
    .selectFrom('events')
    .select(['id', 'kind'])
    .where('account_id', '=', accountId)
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .execute();
  for (const kind of kinds) {
    const expected = stored.filter((event) => event.kind === kind).map(({ id }) => id);
    assert.ok(expected.length > 40);
    // Newer than all there is, so on no page behind the first.
    const write = () => fill(server, accountId, 14, Date.now() + 60_000);
    assert.deepEqual(await walk(server, accessToken, `/events/?kind=${kind}&limit=7`, write), expected);
    await server.services.database.query.deleteFrom('events').where('at', '>', Date.now()).execute();
  }
});

test('one kind of the list is asked for; several, none and unknown ones are 422', async (t) => {
  const server = await bootServer(t);
  const { accessToken: bearer } = await server.register();
  for (const query of [
    'kind=signed_in&kind=signed_out',
    'kind=signed_in&kind=signed_in',
    'kind=signed_in,signed_out',
    'kind=',
    'kind=SIGNED_IN',
    'kind=constructor',
  ]) {
    const answer = await server.call('GET', `/events/?${query}`, { bearer });
    assert.deepEqual([answer.status, answer.json?.code], [422, 'validation_failed'], query);
    assert.match(answer.json.errors[0].pointer, /^\/kind/, query);
  }
});

test('a page of the audit log is found by an index alone, of all kinds and of one', async (t) => {
  const server = await bootServer(t);
  const { id, accessToken: bearer } = await server.register();
  await fill(server, id, 40, 1_700_000_000_000);
  const plansOf = async (query: string): Promise<string[][]> => {
    const statements: string[] = [];
    const stopListening = statementRun.listen(({ sql: text }) => {
      if (/from "events"/.test(text)) statements.push(text);
    });
    const { json } = await server.call('GET', `/events/?limit=2${query}`, { bearer });
    await server.call('GET', `/events/?limit=2${query}&cursor=${json.next_cursor}`, { bearer });
    stopListening();
    const plans: string[][] = [];
    for (const statement of statements) {
      plans.push(await planOf(server.services.database, statement));
    }
    return plans;
  };
  // Nothing is sorted, and no row is read that is not on the page.
  for (const [query, index] of [
    ['', 'events_account'],
    ['&kind=signed_out', 'events_account_kind'],
  ] as const) {
    assert.deepEqual(await plansOf(query), plansBy(index), query);
  }
});

/** How either engine says that it walks one index from where the page begins. */
function plansBy(index: 'events_account' | 'events_account_kind'): string[][] {
  const isByKind = index === 'events_account_kind';
  if (testEngine === 'sqlite') {
    const found = `SEARCH events USING INDEX ${index} (account_id=?${isByKind ? ' AND kind=?' : ''}`;
    return [[`${found})`], [`${found} AND (at,id)<(?,?))`]];
  }
  const walk = ['Limit', `->  Index Scan Backward using ${index} on events`];
  const first = isByKind ? '((account_id = $1) AND (kind = $2))' : '(account_id = $1)';
  const later = isByKind
    ? '((account_id = $1) AND (kind = $2) AND (ROW(at, id) < ROW($3, $4)))'
    : '((account_id = $1) AND (ROW(at, id) < ROW($2, $3)))';
  return [
    [...walk, `Index Cond: ${first}`],
    [...walk, `Index Cond: ${later}`],
  ];
}
