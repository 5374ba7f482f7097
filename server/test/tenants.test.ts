import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bootServer, type CallOptions, type TestAccount } from './boot.ts';

/** Set INKSONG_TEST_SEED to the printed number to run the very same operations again. */
const seed = Number(process.env.INKSONG_TEST_SEED ?? Date.now() % 2 ** 31);
const tenants = 6;
const operations = 600;

const step = fc.record({
  who: fc.nat(tenants - 1),
  what: fc.constantFrom('create', 'create', 'read', 'content', 'rename', 'replace', 'delete', 'list', 'search'),
  /** Chooses among all documents that there are or were, whoever owns them. */
  which: fc.nat(),
  byKey: fc.boolean(),
});

test('whatever six accounts do to whichever documents, each sees and changes its own and no other', async (t) => {
  t.diagnostic(`INKSONG_TEST_SEED=${seed}`);
  const server = await bootServer(t);
  const accounts: TestAccount[] = [];
  for (let count = 0; count < tenants; count++) accounts.push(await server.register());
  /** What each document is by the model: null once it is deleted. */
  const documents = new Map<string, { owner: number; title: string; content: string } | null>();
  const counts = { own: 0, foreign: 0 };

  for (const { who, what, which, byKey } of fc.sample(step, { numRuns: operations, seed })) {
    const account = accounts[who] as TestAccount;
    const credential: CallOptions = byKey ? { key: account.apiKey } : { bearer: account.accessToken };
    const text = `${who} ${documents.size} ${which}`;
    const owned = [...documents].filter(([, each]) => each?.owner === who).map(([id]) => id);
    if (what === 'create') {
      const json = { title: text, content: text };
      const { status, json: made } = await server.call('POST', '/documents/', { ...credential, json });
      assert.equal(status, 201);
      documents.set(made.id, { owner: who, title: text, content: text });
      continue;
    }
    if (what === 'list' || what === 'search') {
      const query = what === 'list' ? '?limit=100' : `?limit=100&q=${encodeURIComponent(' ')}`;
      const { items, next_cursor } = (await server.call('GET', `/documents/${query}`, credential)).json;
      const seen = items.map(({ id, title }: { id: string; title: string }) => `${id} ${title}`);
      const wanted = owned.toReversed().map((id) => `${id} ${documents.get(id)?.title}`);
      assert.deepEqual(seen.toSorted(), wanted.slice(0, 100).toSorted(), next_cursor);
      continue;
    }
    const ids = [...documents.keys()];
    const id = ids[which % ids.length];
    if (id === undefined) continue;
    const document = documents.get(id) ?? null;
    const mine = document?.owner === who;
    counts[mine ? 'own' : 'foreign']++;
    const content = `/documents/${id}/content`;
    const answer = await {
      read: () => server.call('GET', `/documents/${id}`, credential),
      content: () => server.call('GET', content, credential),
      rename: () => server.call('PATCH', `/documents/${id}`, { ...credential, json: { title: text } }),
      replace: () => server.call('PUT', content, { ...credential, body: text }),
      delete: () => server.call('DELETE', `/documents/${id}`, credential),
    }[what]();
    assert.equal(answer.status, mine ? (what === 'delete' ? 204 : 200) : 404, `${what} by ${who}`);
    if (!mine || !document) continue;
    if (what === 'content') assert.equal(String(answer.bytes), document.content);
    if (what === 'read') assert.equal(answer.json.title, document.title);
    if (what === 'rename') documents.set(id, { ...document, title: text });
    if (what === 'replace') documents.set(id, { ...document, content: text });
    if (what === 'delete') documents.set(id, null);
  }
  assert.ok(counts.own > 20 && counts.foreign > 100, JSON.stringify(counts));

  for (const [id, document] of documents) {
    if (!document) continue;
    const { owner, title, content } = document;
    const key = accounts[owner]?.apiKey ?? '';
    assert.equal((await server.call('GET', `/documents/${id}`, { key })).json.title, title);
    assert.equal(String((await server.call('GET', `/documents/${id}/content`, { key })).bytes), content);
  }
});
