import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '#kysely';
import { searchedAtOnce } from '../src/documents/document-store.ts';
import { bootServer, type TestServer } from './boot.ts';
import { randomHex } from './database-probes.ts';
import { createText } from './documents-upload.ts';

test('pages neither skip nor repeat a document, while others are added and deleted', async (t) => {
  const server = await bootServer(t, { INKSONG_PUBLIC_URL: 'https://docs.example.com' });
  const { apiKey: key } = await server.register();
  const made: string[] = [];
  for (let index = 0; index < 23; index++) made.push((await createText(server, key, `first ${index}`)).id);
  // Many rows of one millisecond: the id decides between them.
  await server.services.database.query
    .updateTable('documents')
    .set({ created_at: 1_700_000_000_000 })
    .where('id', 'in', made.slice(0, 9))
    .execute();

  const seen: string[] = [];
  let target = '/documents/?limit=5';
  for (;;) {
    const page = await server.call('GET', target, { key });
    assert.equal(page.status, 200, String(page.bytes));
    assert.ok(page.json.items.length <= 5);
    seen.push(...page.json.items.map((item: { id: string }) => item.id));
    const link = page.headers.get('link');
    if (page.json.next_cursor === null) {
      assert.equal(link, null);
      break;
    }
    const next = /^<https:\/\/docs\.example\.com\/api\/v1(.*)>; rel="next"$/.exec(link ?? '')?.[1];
    assert.ok(next, String(link));
    assert.equal(new URLSearchParams(next.split('?')[1]).get('cursor'), page.json.next_cursor);
    await createText(server, key, 'added meanwhile');
    target = next;
  }
  assert.equal(new Set(seen).size, seen.length, 'no repeats');
  assert.deepEqual(seen.toSorted(), made.toSorted(), 'no gaps');
  const newest = (await server.call('GET', '/documents/', { key })).json.items;
  assert.equal(newest.length, 20, 'the default');
  assert.equal(newest[0].title, 'added meanwhile', 'newest first');
});

test('search finds part of a title in any letter case, and takes % and _ for themselves', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  const other = await server.register();
  for (const title of [
    '100% wool',
    '100 wool',
    'snake_case',
    'snakeXcase',
    'C:\\temp',
    'ÜBER Größe',
    'ﬁle one',
    'x'.repeat(200),
  ])
    await createText(server, key, title);
  await createText(server, other.apiKey, '100% someone else’s');
  const table: [q: string, found: string[]][] = [
    ['100%', ['100% wool']],
    ['%', ['100% wool']],
    ['_', ['snake_case']],
    ['E_C', ['snake_case']],
    ['\\', ['C:\\temp']],
    ['WOOL', ['100 wool', '100% wool']],
    ['über grö', ['ÜBER Größe']],
    ['file', ['ﬁle one']],
    ['nothing', []],
    ["' OR 1=1 --", []],
  ];
  for (const [q, found] of table) {
    const answer = await server.call('GET', `/documents/?${new URLSearchParams({ q })}`, { key });
    assert.deepEqual(answer.json.items.map((item: { title: string }) => item.title).toSorted(), found.toSorted(), q);
  }
  const paged = await server.call('GET', `/documents/?${new URLSearchParams({ q: 'wool', limit: '1' })}`, { key });
  const next = await server.call(
    'GET',
    `/documents/?${new URLSearchParams({ q: 'wool', limit: '1', cursor: paged.json.next_cursor })}`,
    { key },
  );
  assert.deepEqual(
    [paged.json.items[0].title, next.json.items[0].title, next.json.next_cursor],
    ['100 wool', '100% wool', null],
  );
  assert.match(paged.headers.get('link') ?? '', /[?&]q=wool&/, 'the next page keeps the search');
});

/** Gives an account `count` copies of its one document, ten in each millisecond, titled `wool N` or, mostly, `number N`. */
async function multiply(server: TestServer, accountId: string, count: number): Promise<void> {
  await sql`
    WITH RECURSIVE copies(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < ${count})
    INSERT INTO documents (id, account_id, title, title_search, filename, content_type, version_id, size, sha256,
      created_at, updated_at)
    SELECT 'doc_' || ${randomHex}, account_id, CASE WHEN n % 70 = 0 THEN 'wool ' ELSE 'number ' END || n,
      CASE WHEN n % 70 = 0 THEN 'wool ' ELSE 'number ' END || n, filename, content_type, version_id, size, sha256,
      1700000000000 + n / 10, updated_at
    FROM documents, copies WHERE account_id = ${accountId}`.execute(server.services.database.query);
}

test('a search through many documents finds all of them on its pages, newest first, and the last page says so', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key, id: accountId } = await server.register();
  await createText(server, key, 'the newest');
  const count = 5 * searchedAtOnce - 1;
  await multiply(server, accountId, count);
  const everything = await server.services.database.query
    .selectFrom('documents')
    .select('id')
    .where('title', 'like', 'wool %')
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .execute();
  assert.equal(everything.length, Math.floor(count / 70));
  for (const limit of [1, 4, everything.length, 100]) {
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: URLSearchParams = new URLSearchParams({
        q: 'WOOL',
        limit: String(limit),
        ...(cursor && { cursor }),
      });
      const { json } = await server.call('GET', `/documents/?${query}`, { key });
      assert.ok(json.items.length > 0 && json.items.length <= limit, 'no page is empty');
      seen.push(...json.items.map((item: { id: string }) => item.id));
      cursor = json.next_cursor;
    }
    assert.deepEqual(
      seen,
      everything.map(({ id }) => id),
      `pages of ${limit}`,
    );
  }
});

test('a search lets other requests have their turn after every slice of titles', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key, id: accountId } = await server.register();
  await createText(server, key, 'the newest');
  await multiply(server, accountId, 12 * searchedAtOnce);
  let turns = 0;
  let counting = setImmediate(function count() {
    turns++;
    counting = setImmediate(count);
  });
  const page = await server.services.documents.list(accountId, 'nothing of the kind', 20, null);
  clearImmediate(counting);
  assert.deepEqual(page, { items: [], next: null });
  assert.ok(turns >= 12, `${turns} turns`);
});

test('a limit, a search or a cursor that is none is refused with 422', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  const bad = [
    'limit=0',
    'limit=101',
    'limit=1.5',
    'limit=x',
    'limit=',
    'limit=1&limit=2',
    'cursor=',
    'cursor=x',
    'cursor=1.doc_x',
    `cursor=1.evt_${'0'.repeat(32)}`,
    `cursor=${'a'.repeat(300)}`,
    `q=${'x'.repeat(201)}`,
    'q=%00',
  ];
  for (const query of bad) assert.equal((await server.call('GET', `/documents/?${query}`, { key })).status, 422, query);
  for (const query of ['', 'limit=1', 'limit=100', 'q='])
    assert.equal((await server.call('GET', `/documents/?${query}`, { key })).status, 200, query);
});
