import type { Duplex } from 'node:stream';
import type { FastifyBaseLogger } from 'fastify';
import { AppError } from '../app-error.ts';
import { newRequestId } from '../id.ts';
import type { Exchange } from './exchanges.ts';
import { problemOf, toAppError, writeProblem } from './problem.ts';
import type { HttpServer } from './server.ts';

/** Longest that a refused client is given to read its answer and hang up, milliseconds. */
const lingerMs = 2_000;

/**
 * Refuses what Node could not parse as a request and what it would drop without a word, as problem+json on the bare
 * socket. Each request gets one answer: bytes that follow a good one end the connection after its answer, and those that
 * break off a request already answered end it at once, lest a proxy take a second answer for that of its next request.
 *
 * @param always headers of every answer
 */
export function brokenRequests(log: FastifyBaseLogger, publicUrl: string, always: Record<string, string>) {
  const refuse = (socket: Duplex, error: AppError, reason: string | undefined): void => {
    const requestId = newRequestId();
    log.info({ request_id: requestId, code: error.code, reason }, 'not an HTTP request');
    writeProblem(socket, problemOf(error, requestId, publicUrl), { ...always, ...error.headers });
    // A socket of which only our half is closed has no other limit.
    setTimeout(() => socket.destroy(), lingerMs).unref();
  };

  return {
    /** For the server's `clientErrorHandler`. @param latest the exchange of this connection that began last and is not over */
    onClientError(error: NodeJS.ErrnoException, socket: Duplex, latest: Exchange | undefined): void {
      const { request, response } = latest ?? {};
      if (error.code === 'ECONNRESET' || (response?.headersSent && !request?.complete)) return void socket.destroy();
      if (response && request?.complete && !response.writableFinished) {
        response.once('close', () => socket.destroy());
        return;
      }
      const refusal = toAppError(error);
      refuse(socket, refusal.code === 'internal_error' ? new AppError('invalid_request') : refusal, error.code);
    },

    watch({ server }: HttpServer): void {
      server.on('connect', (_request, socket) => {
        const detail = 'This is no proxy.';
        refuse(socket, new AppError('method_not_allowed', { detail, headers: { Allow: '' } }), 'CONNECT');
      });
    },
  };
}
