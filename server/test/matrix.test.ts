import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '#kysely';
import { operator } from '../src/auth/actor.ts';
import { hashRefreshToken } from '../src/auth/sessions/refresh-token.ts';
import type { Access } from '../src/http/authentication.ts';
import type { RouteEntry } from '../src/http/route-table.ts';
import { bootServer, type CallOptions, type TestAccount, type TestServer } from './boot.ts';

const kinds = [
  'none',
  'key',
  'bearer',
  'staleBearer',
  'both',
  'expired',
  'rotated',
  'loggedOut',
  'foreign',
  'disabledKey',
  'disabledBearer',
  'refreshCookie',
] as const;
type Kind = (typeof kinds)[number];

/** What a route of each access answers to each kind of credential; 'in' means: let in, whatever the handler then says. */
const expected: Record<Access, Record<Kind, 'in' | `${number} ${string}`>> = {
  public: every('in'),
  'refresh-cookie': every('in'),
  both: {
    ...every('401 invalid_credentials'),
    key: 'in',
    bearer: 'in',
    staleBearer: 'in',
    foreign: 'in',
    both: '400 invalid_request',
  },
  'api-key': {
    ...every('401 invalid_credentials'),
    key: 'in',
    bearer: '403 api_key_required',
    staleBearer: '403 api_key_required',
    foreign: '403 api_key_required',
    both: '400 invalid_request',
  },
  bearer: {
    ...every('401 invalid_credentials'),
    key: '403 session_required',
    bearer: 'in',
    staleBearer: 'in',
    foreign: 'in',
    both: '400 invalid_request',
  },
  'bearer-fresh': {
    ...every('401 invalid_credentials'),
    key: '403 session_required',
    bearer: 'in',
    staleBearer: '403 reauthentication_required',
    foreign: 'in',
    both: '400 invalid_request',
  },
};

function every<T>(value: T): Record<Kind, T> {
  return Object.fromEntries(kinds.map((kind) => [kind, value])) as Record<Kind, T>;
}

/** Starts a further session of an account as a login would, without the cost of its password. */
async function startSession({ services }: TestServer, accountId: string): Promise<{ id: string; accessToken: string }> {
  const { database, sessions } = services;
  const started = await database.transaction((trx) =>
    sessions.start(trx, accountId, { address: '127.0.0.1', userAgent: 'matrix' }),
  );
  return { id: started.sessionId, accessToken: (await sessions.issueTokens(started)).accessToken };
}

/** Makes one of each kind of credential; those of a disabled account serve for all routes. */
async function credentials(server: TestServer, disabled: TestAccount): Promise<Record<Kind, CallOptions>> {
  const { database, apiKeys } = server.services;
  const age = (sessionId: string, column: 'authenticated_at' | 'last_active_at', ms: number) =>
    database.query
      .updateTable('sessions')
      .set({ [column]: sql<number>`${sql.ref(column)} - ${ms}` })
      .where('id', '=', sessionId)
      .execute();
  const account = await server.register();
  const stale = await startSession(server, account.id);
  await age(stale.id, 'authenticated_at', 901_000);
  const expired = await startSession(server, account.id);
  await age(expired.id, 'last_active_at', 31 * 86_400_000);
  const loggedOut = await startSession(server, account.id);
  await server.call('POST', '/auth/logout', { bearer: loggedOut.accessToken });
  const { secret } = await apiKeys.rotate(account.id, account.apiKeyId, null, operator);
  const foreign = await server.register();
  return {
    none: {},
    key: { key: secret },
    bearer: { bearer: account.accessToken },
    staleBearer: { bearer: stale.accessToken },
    both: { key: secret, bearer: account.accessToken },
    expired: { bearer: expired.accessToken },
    rotated: { key: account.apiKey },
    loggedOut: { bearer: loggedOut.accessToken },
    foreign: { bearer: foreign.accessToken },
    disabledKey: { key: disabled.apiKey },
    disabledBearer: { bearer: disabled.accessToken },
    refreshCookie: { refreshToken: account.refreshToken },
  };
}

/** Tells whether everything that was good still is: some routes end sessions, use the cookie up or delete the account. */
async function areGood({ call, services }: TestServer, mine: Record<Kind, CallOptions>): Promise<boolean> {
  for (const kind of ['key', 'bearer', 'staleBearer', 'foreign'] as const) {
    if ((await call('GET', '/me', mine[kind])).status !== 200) return false;
  }
  const hash = hashRefreshToken(mine.refreshCookie.refreshToken ?? '');
  const token = await services.database.query
    .selectFrom('refresh_tokens')
    .select('used_at')
    .where('hash', '=', hash)
    .executeTakeFirst();
  return token?.used_at === null;
}

test('every route lets in exactly the credentials its access names', async (t) => {
  const server = await bootServer(t);
  const table = server.app.routeTable.filter(({ url }) => url.startsWith('/api/v1/'));
  assert.ok(table.length >= 12, `only ${table.length} routes`);

  const wrong: string[] = [];
  let asked = 0;
  const disabled = await server.register();
  await server.services.accounts.disable(disabled.id);
  let mine = await credentials(server, disabled);
  for (const route of table) {
    for (const kind of kinds) {
      const verdict = await judge(server, route, mine[kind]);
      asked++;
      const wanted = verdictOf(route, expected[route.access][kind]);
      if (verdict !== wanted) {
        wrong.push(`${route.method} ${route.url} (${route.access}) with ${kind}: ${verdict}, not ${wanted}`);
      }
      if (!['GET', 'HEAD'].includes(route.method) && !(await areGood(server, mine)))
        mine = await credentials(server, disabled);
    }
  }
  assert.deepEqual(wrong, []);
  t.diagnostic(`${asked} combinations of ${table.length} routes and ${kinds.length} kinds of credential`);
});

/** What an answer can show of a verdict: a HEAD has no body to tell its code, and nginx takes 400 for a failure. */
function verdictOf({ method, url }: RouteEntry, verdict: string): string {
  const shown = url.includes('/forward/nginx') ? verdict.replace(/^400/, '403') : verdict;
  return method === 'HEAD' ? shown.replace(/ .*/, '') : shown;
}

async function judge(server: TestServer, { method, url }: RouteEntry, credential: CallOptions): Promise<string> {
  // An id that names nothing: whoever is let in gets 404, and nothing is changed.
  const path = url.replace('/api/v1', '').replace(':id', `${idPrefix(url)}_${'0'.repeat(32)}`);
  const answer = await server.call(method, path, credential);
  if (method === 'HEAD') {
    return [400, 401, 403].includes(answer.status) ? String(answer.status) : 'in';
  }
  const { code } = answer.json ?? {};
  const refusedByAccess =
    answer.status === 401 || answer.status === 403 || (answer.status === 400 && /not both/.test(answer.json.detail));
  // The two routes that themselves refuse what they were given, having let everybody in.
  const ownRefusal = ['/auth/refresh', '/auth/login'].includes(path) && answer.status === 401;
  return refusedByAccess && !ownRefusal ? `${answer.status} ${code}` : 'in';
}

function idPrefix(url: string): string {
  if (url.includes('/api-keys/')) return 'key';
  return url.includes('/sessions/') ? 'ses' : 'doc';
}

test('a route that does not state its access keeps the server from starting', async (t) => {
  const server = await bootServer(t);
  const { createHttpServer } = await import('../src/http/server.ts');
  const bare = await createHttpServer({
    log: server.app.log,
    publicUrl: server.config.publicUrl,
    allowedOrigins: ['https://app.example.com'],
    proxies: server.config.proxies,
    gate: {
      authenticate: () => Promise.reject(new Error('not asked')),
      admitKey: () => false,
      onKeyRefused: () => {},
    },
  });
  // @ts-expect-error the access is missing on purpose
  assert.throws(() => bare.get('/api/v1/open', { config: {} }, () => 'open'), /does not state its access/);
  assert.throws(() => bare.get('/api/v1/open', () => 'open'), /does not state its access/);
  assert.throws(() => bare.options('/api/v1/open', () => 'open'), /does not state its access/);
  assert.throws(() => bare.get('*', () => 'open'), /does not state its access/);
});
