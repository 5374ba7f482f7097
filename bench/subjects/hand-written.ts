// What a good engineer writes by hand for this one list: prepared statements, a look-up by the key's SHA-256 on every
// request, or a Bearer token by jose, and no cache. No limits, no usage, no allowlist, no revocation of tokens.
// With BENCH_UNGUARDED the list alone, for whoever the caller says he is.
import { hash } from 'node:crypto';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { jwtVerify } from 'jose';
import { openDocumentList } from './document-list.ts';
import { log, requestLine, settings } from './listening.ts';

declare module 'fastify' {
  interface FastifyRequest {
    caller: { accountId: string; scheme: string } | null;
  }
}

const { file, list } = openDocumentList(settings.databasePath);
const ownerOfKey = file.prepare(`
  SELECT accounts.id AS accountId FROM api_keys JOIN accounts ON accounts.id = api_keys.account_id
  WHERE api_keys.hash = ? AND accounts.disabled_at IS NULL
`);
const signingKey = Buffer.from(process.env.BENCH_TOKEN_KEY ?? '', 'hex');
const issuer = process.env.BENCH_ISSUER ?? '';

async function authenticate(request: FastifyRequest): Promise<void> {
  const { 'x-api-key': key, authorization } = request.headers;
  if (typeof key === 'string') {
    const owner = ownerOfKey.get(hash('sha256', key, 'hex'));
    if (owner) request.caller = { accountId: String(owner.accountId), scheme: 'api_key' };
  } else if (authorization?.startsWith('Bearer ')) {
    const options = { algorithms: ['HS256'], issuer, audience: issuer };
    const { payload } = await jwtVerify(authorization.slice('Bearer '.length), signingKey, options);
    if (payload.sub !== undefined) request.caller = { accountId: payload.sub, scheme: 'bearer' };
  }
  if (!request.caller) throw Object.assign(new Error('Unknown credential.'), { statusCode: 401 });
}

async function believe(request: FastifyRequest): Promise<void> {
  request.caller = { accountId: String(request.headers['x-bench-account']), scheme: 'none' };
}

const server = Fastify();
server.decorateRequest('caller', null);
server.addHook('onResponse', async (request: FastifyRequest, reply: FastifyReply) => {
  const { accountId = null, scheme = null } = request.caller ?? {};
  const answer = { status: reply.statusCode, milliseconds: reply.elapsedTime, accountId, scheme };
  log.info(requestLine(request.raw, { route: request.routeOptions.url ?? '', ...answer }), 'request');
});
server.get<{ Querystring: { limit?: string; cursor?: string } }>(
  '/api/v1/documents/',
  { onRequest: process.env.BENCH_UNGUARDED === undefined ? authenticate : believe },
  async ({ caller, query }, reply) => {
    const page = list(caller?.accountId ?? '', Number(query.limit ?? 20), query.cursor);
    reply.header('Content-Type', 'application/json; charset=utf-8').send(JSON.stringify(page));
    return reply;
  },
);
await server.listen({ host: settings.host, port: settings.port });
