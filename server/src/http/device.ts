import type { FastifyRequest } from 'fastify';
import type { Actor } from '../auth/actor.ts';
import type { Device } from '../auth/sessions/sessions.ts';
import { withoutSecrets } from '../without-secrets.ts';
import { sessionOf } from './authentication.ts';
import { clientOf } from './client.ts';

const userAgentMaxLength = 256;

/** Returns where a request comes from and what sent it. */
export function deviceOf(request: FastifyRequest): Device {
  return {
    address: clientOf(request).address,
    requestId: request.id,
    userAgent: withoutSecrets(request.headers['user-agent'] ?? '').slice(0, userAgentMaxLength),
  };
}

/** Returns the same with the session that is calling, on a `bearer` or `bearer-fresh` route. */
export function actorOf(request: FastifyRequest): Actor {
  return { ...deviceOf(request), sessionId: sessionOf(request).sessionId };
}
