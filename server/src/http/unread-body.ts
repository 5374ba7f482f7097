import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HttpServer } from './server.ts';
import { markTransfer } from './time-limits.ts';

/** Longest that what a refused client still sends is thrown away, milliseconds. */
const lingerMs = 5_000;

/** Returns the pieces of a request's body, which may take as long as it keeps coming. Stopping early leaves the connection open, so that it can carry the answer. */
export function bodyOf(request: FastifyRequest): AsyncIterable<Buffer> {
  markTransfer(request.raw);
  return request.raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}

/**
 * Makes answers that come before the request has been read reach their client. Closing a socket that holds unread bytes
 * resets the connection, and the client loses the answer; so the answer is sent whole, with `Connection: close`, and the
 * connection is closed when the client has stopped sending, or 5 s later.
 */
export function answerUnreadBodies(server: HttpServer): void {
  // Nearly all requests have no body, and need no promise; Fastify waits for the one that it is given.
  server.addHook('onSend', (request, reply, payload, done) =>
    hasBody(request.raw) ? answerBeforeEnd(request, reply, payload) : done(null, payload),
  );
}

/** Returns what to send instead of a payload: itself, or a stream of it that ends when the request has. */
async function answerBeforeEnd(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
  const text = payload === undefined && reply.statusCode === 200 ? '' : payload;
  // The end of a short body may have come with its head and just not have been looked at.
  if (!request.raw.complete) await setImmediate();
  if (request.raw.complete || typeof text !== 'string') {
    // What has arrived and was not read would keep a connection that goes on from being read any further.
    discardRest(request.raw);
    return payload;
  }
  reply.header('Connection', 'close').header('Content-Length', String(Buffer.byteLength(text)));
  return Readable.from(answerThenLinger(text, request, reply));
}

async function* answerThenLinger(
  payload: string,
  { raw }: FastifyRequest,
  reply: FastifyReply,
): AsyncGenerator<string> {
  yield payload;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, lingerMs);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    raw.once('end', done).once('close', done).once('error', done);
    reply.raw.once('close', done);
    if (raw.complete || raw.destroyed) done();
    discardRest(raw);
  });
}

/** RFC 9112 section 6.3: a request has a body when one of these says so. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

/** A reader that stopped early may have left its listener behind, and while it has one the stream does not flow. */
function discardRest(raw: IncomingMessage): void {
  raw.removeAllListeners('readable').resume();
}
