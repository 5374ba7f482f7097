import type { FastifyReply, FastifyRequest } from 'fastify';
import { clientAddress } from '../edge/client-address.ts';
import { withoutSecrets } from '../without-secrets.ts';

/** Writes the one line of a finished request. The query is left out, and so is anything in the path that looks like a credential. */
export function logRequest(request: FastifyRequest, reply: FastifyReply): void {
  const { principal } = request;
  request.log.info(
    {
      method: request.method,
      path: withoutSecrets(request.url.split('?', 1)[0] ?? ''),
      route: request.routeOptions.url ?? null,
      status: reply.statusCode,
      duration_ms: Math.round(reply.elapsedTime * 100) / 100,
      address: clientAddress(request.socket),
      account_id: principal?.accountId ?? null,
      scheme: principal?.scheme ?? null,
    },
    'request',
  );
}
