import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  LogController,
  type RawServerDefault,
} from 'fastify';
import { AppError } from '../app-error.ts';
import type { Authenticate } from '../auth/authenticate.ts';
import { newId } from '../id.ts';
import { authenticationHook } from './authentication.ts';
import { parseJsonBodies } from './json-body.ts';
import { registerOpenApi } from './openapi.ts';
import { problemOf, sendProblem, toAppError, writeProblem } from './problem.ts';
import { logRequest } from './request-log.ts';
import { allowedMethods, collectRoutes, type RouteEntry } from './route-table.ts';
import { compileValidator } from './validation.ts';

export type HttpServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route with its access. */
    routeTable: readonly RouteEntry[];
  }
}

export interface HttpServerOptions {
  log: FastifyBaseLogger;
  publicUrl: string;
  authenticate: Authenticate;
}

/** JSON bodies other than a document's. */
const bodyLimitBytes = 64 * 1024;

/**
 * Returns a server with no routes yet, in which every route must state its access, every refusal is problem+json,
 * and every request leaves one log line.
 */
export async function createHttpServer({ log, publicUrl, authenticate }: HttpServerOptions): Promise<HttpServer> {
  const server: HttpServer = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    genReqId: () => newId('req'),
    requestIdHeader: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 16_384 },
    bodyLimit: bodyLimitBytes,
    return503OnClosing: false,
    frameworkErrors(error, request, reply) {
      setCommonHeaders(reply);
      reply.raw.once('finish', () => logRequest(request, reply));
      sendProblem(reply, toAppError(error), publicUrl);
    },
    clientErrorHandler(error, socket) {
      if (error.code === 'ECONNRESET') return void socket.destroy();
      const requestId = newId('req');
      const refusal = toAppError(error);
      const shown = refusal.code === 'internal_error' ? new AppError('invalid_request') : refusal;
      log.info({ request_id: requestId, code: shown.code, reason: error.code }, 'not an HTTP request');
      writeProblem(socket as Socket, problemOf(shown, requestId, publicUrl));
    },
    http: {
      headersTimeout: 10_000,
      // An upload may take its time.
      requestTimeout: 3_600_000,
      connectionsCheckingInterval: 2_000,
      requireHostHeader: false,
    },
  });
  // Node ignores headers past the 2,000th, which would hide what a proxy appends; their total size is bounded anyway.
  server.server.maxHeadersCount = 0;
  server.server.on('checkExpectation', (request, response) => server.server.emit('request', request, response));

  server.setValidatorCompiler(compileValidator);
  parseJsonBodies(server);
  server.addHook('onResponse', async (request, reply) => logRequest(request, reply));

  server.decorate('routeTable', collectRoutes(server));
  await registerOpenApi(server, publicUrl);

  server.decorateRequest('principal', null);
  server.addHook('onRequest', async (request, reply) => {
    setCommonHeaders(reply);
    if (request.raw.httpVersion === '1.1' && request.headers.host === undefined) {
      throw new AppError('invalid_request', { detail: 'HTTP/1.1 requests need a Host header.' });
    }
  });
  server.addHook('onRequest', authenticationHook(authenticate));

  server.setErrorHandler((error, request, reply) => {
    const refusal = toAppError(error);
    if (refusal.cause !== undefined) request.log.error({ err: refusal.cause, code: refusal.code }, 'request failed');
    return sendProblem(reply, refusal, publicUrl);
  });
  server.setNotFoundHandler((request, reply) => {
    const methods = allowedMethods(server.routeTable, request.url);
    const refusal =
      methods.length > 0
        ? new AppError('method_not_allowed', {
            detail: `Use ${methods.join(', ')}.`,
            headers: { Allow: methods.join(', ') },
          })
        : new AppError('not_found');
    return sendProblem(reply, refusal, publicUrl);
  });
  return server;
}

function setCommonHeaders(reply: FastifyReply): void {
  reply
    .header('X-Request-Id', reply.request.id)
    .header('X-Content-Type-Options', 'nosniff')
    .header('Cache-Control', 'no-store');
}
