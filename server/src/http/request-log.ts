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

/** Writes the one line of a finished request. */
function logRequest(request: FastifyRequest, reply: FastifyReply, route: string | undefined): void {
  const { principal } = request;
  request.log.info(
    {
      method: request.method,
      path: pathOf(request.url, route),
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

/** Returns the path of a URL for the log: without its query, and without anything that looks like a credential. */
function pathOf(url: string, route: string | undefined): string {
  const query = url.indexOf('?');
  const path = query < 0 ? url : url.slice(0, query);
  // Most are a pattern without parameters, in which the caller has no word.
  return path === route ? path : withoutSecrets(path);
}
