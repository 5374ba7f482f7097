import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  LogController,
  type RawServerDefault,
} from 'fastify';
import { AppError } from '../app-error.ts';
import { createReadClient } from '../edge/client-address.ts';
import { forwardTarget } from '../edge/forward-target.ts';
import { valuesOf } from '../edge/raw-headers.ts';
import type { ProxySettings } from '../edge/trusted-proxies.ts';
import { newRequestId } from '../id.ts';
import { authenticationHook, type Gate } from './authentication.ts';
import { brokenRequests } from './broken-requests.ts';
import { requireHttps } from './client.ts';
import { allowOrigins } from './cors.ts';
import { type Exchanges, watchExchanges } from './exchanges.ts';
import { parseJsonBodies } from './json-body.ts';
import { registerOpenApi } from './openapi.ts';
import { problemKinds, sendProblem, toAppError } from './problem.ts';
import { reportRequest } from './request-log.ts';
import { allowedMethods, collectRoutes, preflights, type RouteEntry } from './route-table.ts';
import { securityHeaders } from './security-headers.ts';
import { defaultTimeLimits, enforceTimeLimits, type TimeLimits } from './time-limits.ts';
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
    allowedOrigins: ReadonlySet<string>;
    exchanges: Exchanges;
  }
}

export interface HttpServerOptions {
  log: FastifyBaseLogger;
  publicUrl: string;
  /** Origins whose pages may call the API, with the refresh cookie. */
  allowedOrigins: readonly string[];
  proxies: ProxySettings;
  gate: Gate;
  timeLimits?: TimeLimits;
}

/** JSON bodies other than a document's. */
const bodyLimitBytes = 64 * 1024;

/**
 * Returns a server with no routes yet, in which every route must state its access, every refusal is problem+json,
 * and every request leaves one log line.
 */
export async function createHttpServer({
  log,
  publicUrl,
  allowedOrigins,
  proxies,
  gate,
  timeLimits = defaultTimeLimits,
}: HttpServerOptions): Promise<HttpServer> {
  const always = securityHeaders(publicUrl);
  const broken = brokenRequests(log, publicUrl, always);
  const server: HttpServer = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    genReqId: newRequestId,
    requestIdHeader: false,
    rewriteUrl: readTarget,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 16_384 },
    bodyLimit: bodyLimitBytes,
    return503OnClosing: false,
    keepAliveTimeout: timeLimits.keepAliveMs,
    frameworkErrors(error, request, reply) {
      reply.headers(always).header('x-request-id', request.id);
      reply.raw.once('finish', () => reportRequest(request, reply));
      sendProblem(reply, toAppError(error), publicUrl);
    },
    clientErrorHandler(error, socket) {
      broken.onClientError(error, socket, server.exchanges.latestOn(socket));
    },
    http: {
      headersTimeout: timeLimits.headersMs,
      connectionsCheckingInterval: timeLimits.headersCheckEveryMs,
      // An upload may take its time: see time-limits.ts.
      requestTimeout: 3_600_000,
      requireHostHeader: false,
    },
  });
  // Node ignores headers past the 2,000th, which would hide what a proxy appends; their total size is bounded anyway.
  server.server.maxHeadersCount = 0;
  server.server.on('checkExpectation', (request, response) => server.server.emit('request', request, response));

  server.decorate('exchanges', watchExchanges(server.server));
  broken.watch(server);
  enforceTimeLimits(server, timeLimits);

  server.setValidatorCompiler(compileValidator);
  parseJsonBodies(server);
  // Hooks that wait for nothing call back: a promise for each of them would cost more than what they do.
  server.addHook('onResponse', (request, reply, done) => {
    reportRequest(request, reply);
    done();
  });

  // Before any route: each keeps what is set when it is added.
  server.setErrorHandler((error, request, reply) => {
    const refusal = toAppError(error);
    if (refusal.cause !== undefined) {
      const isOurs = problemKinds[refusal.code].status >= 500;
      request.log[isOurs ? 'error' : 'info']({ err: refusal.cause, code: refusal.code }, 'request failed');
    }
    return sendProblem(reply, refusal, publicUrl);
  });
  server.setNotFoundHandler((request, reply) => sendProblem(reply, noRoute(request), publicUrl));

  server.decorate('routeTable', collectRoutes(server));
  const readClient = createReadClient(proxies, (peer, header) => {
    log.warn(
      { peer, header },
      'a private peer says for whom it asks, but is not in INKSONG_TRUSTED_PROXIES: allowlists, limits and logs see its own address',
    );
  });
  server.decorate('readClient', readClient);
  server.decorate('allowedOrigins', new Set(allowedOrigins));
  await registerOpenApi(server, publicUrl);

  server.decorateRequest('principal', null);
  server.addHook('onRequest', (request, reply, done) => {
    reply.headers(always).header('x-request-id', request.id);
    // Nothing is upgraded here, but Node may have lost its place in what follows such a request.
    if (request.headers.upgrade !== undefined) reply.header('Connection', 'close');
    requireOneHost(request.raw);
    requireHttps(request, publicUrl);
    done();
  });
  await allowOrigins(server);
  server.addHook('onRequest', (request, _reply, done) => {
    // Before the body is looked at: nobody is waiting for it.
    if (request.is404 || request.routeOptions.url === preflights) throw noRoute(request);
    done();
  });
  server.addHook('onRequest', authenticationHook(gate));
  return server;
}

/**
 * Returns the target that a request is routed by: its own, unless a proxy asks about somebody else's request. That is one
 * question with one answer, in whatever method it comes: a preflight is none, and a body is not its own.
 */
function readTarget(request: IncomingMessage): string {
  const { url = '/' } = request;
  const question = forwardTarget(url);
  if (question === null) return url;
  if (request.method !== 'HEAD') request.method = 'GET';
  return question;
}

/** Returns the refusal of a path that nothing answers, or of a method that its path does not. */
function noRoute({ server, url, method }: FastifyRequest): AppError {
  const methods = allowedMethods(server.routeTable, url);
  // A route that takes this method has looked for the file that is asked for, and has none.
  if (methods.length === 0 || methods.includes(method)) return new AppError('not_found');
  const allow = methods.join(', ');
  return new AppError('method_not_allowed', { detail: `Use ${allow}.`, headers: { Allow: allow } });
}

/** RFC 9112 section 3.2: with two, each proxy on the way may have believed another. Node also takes HTTP/0.9 and 2.0 for a version. */
function requireOneHost({ httpVersion, rawHeaders }: IncomingMessage): void {
  if (httpVersion !== '1.0' && httpVersion !== '1.1') {
    throw new AppError('invalid_request', { detail: 'Speak HTTP/1.1.' });
  }
  const hosts = valuesOf(rawHeaders, 'host').length;
  if (hosts > 1 || (hosts === 0 && httpVersion === '1.1')) {
    throw new AppError('invalid_request', { detail: 'Send the Host header once.' });
  }
}
