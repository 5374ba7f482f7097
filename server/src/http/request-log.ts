import type { FastifyReply, FastifyRequest } from 'fastify';
import { createSignal } from '../signal.ts';
import { withoutSecrets } from '../without-secrets.ts';
import { clientOf } from './client.ts';

export interface AnsweredRequest {
  method: string;
  /** The route's pattern. */
  route: string;
  scheme: 'api_key' | 'bearer' | 'none';
  status: number;
  seconds: number;
}
export const requestAnswered = createSignal<AnsweredRequest>('request-answered');

/** Tells of a finished request: the one line in the log, and to the metrics. */
export function reportRequest(request: FastifyRequest, reply: FastifyReply): void {
  const { url } = request.routeOptions;
  logRequest(request, reply, url);
  if (!requestAnswered.isHeard()) return;
  requestAnswered.tell({
    // Without a route, a method may be any word.
    method: url === undefined ? 'any' : request.method,
    route: url ?? 'none',
    scheme: request.principal?.scheme ?? 'none',
    status: reply.statusCode,
    seconds: reply.elapsedTime / 1000,
  });
}

/** Writes the one line of a finished request. The query is left out, and so is anything in the path that looks like a credential. */
function logRequest(request: FastifyRequest, reply: FastifyReply, route: string | undefined): void {
  const { principal } = request;
  request.log.info(
    {
      method: request.method,
      path: withoutSecrets(request.url.split('?', 1)[0] ?? ''),
      route: route ?? null,
      status: reply.statusCode,
      duration_ms: Math.round(reply.elapsedTime * 100) / 100,
      address: clientOf(request).address,
      account_id: principal?.accountId ?? null,
      scheme: principal?.scheme ?? null,
    },
    'request',
  );
}
