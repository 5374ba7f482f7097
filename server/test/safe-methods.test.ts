import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '#kysely';
import { bootServer, type CallOptions, type TestServer } from './boot.ts';

/** Every row of every table. */
async function dump({ services: { database } }: TestServer): Promise<Record<string, string>> {
  const rows: Record<string, string> = {};
  for (const { name } of await database.query.introspection.getTables()) {
    rows[name] = JSON.stringify((await sql`SELECT * FROM ${sql.table(name)}`.execute(database.query)).rows);
  }
  return rows;
}

test('GET, HEAD and OPTIONS change nothing in any table, on any route and whoever sends them', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const document = await server.call('POST', '/documents/', {
    key: account.apiKey,
    json: { title: 'Mine', content: 'x' },
  });
  const ids: Record<string, string> = {
    documents: document.json.id,
    'api-keys': account.apiKeyId,
    sessions: account.sessionId,
  };
  const { paths } = server.app.swagger() as { paths: Record<string, object> };
  const { accessToken: bearer, apiKey: key, refreshToken } = account;
  const callers: CallOptions[] = [{}, { key }, { bearer }, { refreshToken }, { bearer, refreshToken }];
  const before = await dump(server);
  assert.ok(before.accounts?.includes(account.email) && Object.keys(before).length > 10);

  let letIn = 0;
  for (const [template, methods] of Object.entries(paths)) {
    const path = template.replace(/([\w-]+)\/\{id\}/, (_, room: string) => `${room}/${ids[room] ?? 'x'}`);
    for (const method of ['GET', 'HEAD', 'OPTIONS']) {
      for (const caller of callers) {
        const { status } = await server.call(method, path, caller);
        if (status < 300) letIn++;
        if (method === 'GET' && !('get' in methods)) assert.equal(status, 405, path);
      }
    }
  }
  assert.ok(letIn > 30, 'the readers read');
  const after = await dump(server);
  // Asking for all of one's data leaves a trace on purpose.
  const traces = JSON.parse(after.events ?? '').filter(({ kind }: { kind: string }) => kind === 'data_exported');
  assert.ok(traces.length > 0);
  const events = JSON.parse(after.events ?? '').filter(({ kind }: { kind: string }) => kind !== 'data_exported');
  assert.deepEqual({ ...after, events: JSON.stringify(events) }, before);
});
