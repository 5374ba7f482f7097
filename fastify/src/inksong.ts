import type { FastifyPluginAsync, FastifyReply } from 'fastify';
import { requireAccess } from './access.ts';
import { createDecisionEndpoint, Unanswered } from './decision-endpoint.ts';
import { questionOf, removeCredentials } from './question.ts';
import { verdictOf } from './verdict.ts';

export interface InksongOptions {
  /** Where Inksong is, as this app reaches it: `http://127.0.0.1:8080`, or `https://example.com/inksong`. */
  url: string;
  /** Longest that an answer may take, milliseconds; 2000 unless told. */
  timeoutMs?: number;
}

const plugin: FastifyPluginAsync<InksongOptions> = async (app, { url, timeoutMs = 2_000 }) => {
  const endpoint = createDecisionEndpoint(baseUrlOf(url), checkedTimeout(timeoutMs));
  requireAccess(app);
  app.decorateRequest('principal', null);
  app.addHook('onClose', async () => endpoint.close());

  // Before the body is read.
  app.addHook('onRequest', async (request, reply) => {
    // Where no route is, there is nothing to guard.
    if (request.is404) return;
    const { access } = request.routeOptions.config;
    if (access === 'public') return;
    const question = questionOf(request);
    removeCredentials(request.raw);
    try {
      const answer = await endpoint.ask(access === 'both' ? null : access, question);
      const verdict = verdictOf(answer, access);
      if ('refusal' in verdict) {
        const { status, headers, body } = verdict.refusal;
        return reply.code(status).headers(headers).send(body);
      }
      request.principal = verdict.principal;
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      request.log.error({ reason: error.message }, 'Inksong could not be asked who is calling');
      return sendUnavailable(reply, error.retryAfterSeconds ?? 1);
    }
  });
};

/**
 * Guards every route of an app, or of a part of it, by its `config.access`, and says who is calling in `request.principal`.
 * Inksong is asked on every request, and the app answers 503 while it cannot be.
 */
export const inksong: FastifyPluginAsync<InksongOptions> = Object.assign(plugin, {
  // What it adds is for whoever registers it, not for an inner part of the app alone.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: '@inksong/fastify',
  [Symbol.for('plugin-meta')]: { name: '@inksong/fastify', fastify: '5.x' },
});

/** Returns the address without a slash at its end. Throws TypeError, without repeating it: people paste addresses with passwords in them. */
function baseUrlOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new TypeError('url must be where Inksong is, such as http://127.0.0.1:8080.');
  }
  if (url.username !== '' || url.password !== '') throw new TypeError('url must not hold a name or a password.');
  if (url.search !== '' || url.hash !== '') throw new TypeError('url must end with its path.');
  if (/\/api(\/|$)/.test(url.pathname))
    throw new TypeError('url must be where Inksong is, without the path of its API.');
  return url.origin + url.pathname.replace(/\/+$/, '');
}

function checkedTimeout(timeoutMs: number): number {
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > 60_000) {
    throw new RangeError('timeoutMs must be a whole number from 1 to 60000.');
  }
  return timeoutMs;
}

function sendUnavailable(reply: FastifyReply, retryAfterSeconds: number): FastifyReply {
  const problem = {
    type: 'about:blank',
    title: 'Credentials cannot be checked',
    status: 503,
    detail: 'Nobody can be let in at this moment. Try again soon.',
    code: 'unavailable',
    request_id: reply.request.id,
  };
  return reply
    .code(503)
    .headers({
      'content-type': 'application/problem+json; charset=utf-8',
      'retry-after': String(retryAfterSeconds),
      'cache-control': 'no-store',
    })
    .send(Buffer.from(JSON.stringify(problem)));
}
