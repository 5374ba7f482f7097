// What an app of somebody else does with the published package; packed.test.ts compiles it there and runs it on the
// oldest Node and on this one. INKSONG_URL is an Inksong that trusts it; API_KEY and ACCESS_TOKEN are good ones.

import assert from 'node:assert/strict';
import { type Access, inksong, type Principal, principalOf } from '@inksong/fastify';
import Fastify, { type FastifyRequest } from 'fastify';

const { INKSONG_URL: url = '', API_KEY: key = '', ACCESS_TOKEN: token = '' } = process.env;

const app = Fastify();
await app.register(inksong, { url, timeoutMs: 10_000 });
const everyAccess: Access[] = ['both', 'api-key', 'bearer'];
for (const access of everyAccess) {
  app.get(`/${access}`, { config: { access } }, async (request) => describe(principalOf(request)));
}
app.get('/public', { config: { access: 'public' } }, async (request) => request.principal === null);

function describe(principal: Principal): string {
  // Which key is known exactly where one was used.
  const keyId: string | null =
    principal.scheme === 'api_key' ? (principal.apiKeyId satisfies string) : principal.apiKeyId;
  return `${principal.email} ${principal.scheme} ${keyId === null ? 'without' : 'with'} key`;
}

// What does not compile.
// @ts-expect-error A rule that does not exist.
const noAccess: Access = 'api_key';
// @ts-expect-error The principal may be null.
const emailOf = (request: FastifyRequest): string => request.principal.email;
assert.ok(noAccess && emailOf);
// @ts-expect-error Configuration without a rule.
assert.throws(() => app.get('/none', { config: {} }, async () => ''), /does not state its access/);

const ask = async (path: string, headers: Record<string, string>): Promise<[number, string]> => {
  const { statusCode, body } = await app.inject({ url: path, headers });
  return [statusCode, body];
};
const byKey = { 'x-api-key': key };
const byToken = { authorization: `Bearer ${token}` };
assert.deepEqual(await ask('/both', byKey), [200, 'consumer@example.com api_key with key']);
assert.deepEqual(await ask('/both', byToken), [200, 'consumer@example.com bearer without key']);
assert.equal((await ask('/api-key', byKey))[0], 200);
assert.equal((await ask('/bearer', byToken))[0], 200);
assert.equal((await ask('/api-key', byToken))[0], 403);
assert.equal((await ask('/bearer', byKey))[0], 403);
assert.equal((await ask('/both', {}))[0], 401);
assert.equal((await ask('/both', { ...byKey, ...byToken }))[0], 400);
assert.deepEqual(await ask('/public', {}), [200, 'true']);
await app.close();
console.log(`flow passed on Node ${process.versions.node}`);
