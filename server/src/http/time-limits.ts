import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { AppError } from '../app-error.ts';
import { bytesTaken, readSendQueues } from './send-queue.ts';

/** Milliseconds, but for the rate. */
export interface TimeLimits {
  /** For a request's line and headers, in all. */
  headersMs: number;
  /** For a body that is read whole before it is looked at, in all. */
  bodyMs: number;
  /** A transfer, up or down, may stand still for so long. */
  idleMs: number;
  /** Over any `rateWindowMs` a transfer must move so much. */
  minimumBytesPerSecond: number;
  rateWindowMs: number;
  /** How often bodies and transfers are looked at, and how often headers are. */
  checkEveryMs: number;
  headersCheckEveryMs: number;
  /** How long a connection is kept for a next request; longer than proxies keep theirs, lest one be closed under a request. */
  keepAliveMs: number;
  /** For reading the answer to a body that took too long. */
  lingerMs: number;
}

export const defaultTimeLimits: TimeLimits = {
  headersMs: 10_000,
  bodyMs: 15_000,
  idleMs: 10_000,
  minimumBytesPerSecond: 8 * 1024,
  rateWindowMs: 15_000,
  checkEveryMs: 1_000,
  headersCheckEveryMs: 2_000,
  keepAliveMs: 72_000,
  lingerMs: 1_000,
};

/** Where a transfer stood at some time. */
interface Mark {
  atMs: number;
  bytes: number;
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  startedMs: number;
  /** Set once the body was given up: when to hang up. */
  hangUpMs: number | null;
  /** How far the body or the answer had come at each look; `null` while nobody is waiting for the client. */
  marks: { direction: 'up' | 'down'; moved: Mark[] } | null;
}

const transfers = new WeakSet<IncomingMessage>();

/** From now on the request's body is a transfer: it may take as long as it keeps moving. */
export function markTransfer(request: IncomingMessage): void {
  transfers.add(request);
}

/**
 * Cuts connections whose client is slower than the limits; call before the server listens. A client is not blamed while
 * it is we who do not read or have nothing to send. Headers are left to Node, see `headersTimeout`.
 */
export function enforceTimeLimits(server: Server, limits: TimeLimits): void {
  const exchanges = new Set<Exchange>();
  let timer: NodeJS.Timeout | undefined;

  server.on('request', (request, response) => {
    const exchange: Exchange = { request, response, startedMs: performance.now(), hangUpMs: null, marks: null };
    exchanges.add(exchange);
    response.once('close', () => {
      // The rest of a body that nobody wanted may still be on its way.
      if (request.complete) exchanges.delete(exchange);
    });
  });
  const sweep = async (): Promise<void> => {
    const sending = [...exchanges].some(isSending);
    const queued = sending ? await readSendQueues() : () => 0;
    const now = performance.now();
    for (const exchange of exchanges) {
      const { request, response } = exchange;
      if (request.socket.destroyed || (request.complete && response.closed)) exchanges.delete(exchange);
      else check(exchange, now, queued);
    }
    schedule();
  };
  const schedule = (): void => {
    timer = setTimeout(() => void sweep(), limits.checkEveryMs).unref();
  };
  server.on('listening', schedule);
  server.on('close', () => clearTimeout(timer));

  function check(exchange: Exchange, now: number, queued: (socket: IncomingMessage['socket']) => number): void {
    const { request, startedMs, hangUpMs } = exchange;
    const { socket } = request;
    if (hangUpMs !== null) {
      if (now >= hangUpMs) socket.destroy();
    } else if (isSending(exchange)) {
      if (isTooSlow(exchange, 'down', { atMs: now, bytes: bytesTaken(socket) - queued(socket) })) socket.destroy();
    } else if (!request.complete && !transfers.has(request)) {
      if (now - startedMs >= limits.bodyMs) giveUpBody(exchange, now);
    } else if (!request.complete && request.readableLength === 0) {
      if (isTooSlow(exchange, 'up', { atMs: now, bytes: socket.bytesRead })) socket.destroy();
    } else {
      exchange.marks = null;
    }
  }

  /** Notes how far a transfer has come; tells whether it stands still or is under the rate. */
  function isTooSlow(exchange: Exchange, direction: 'up' | 'down', mark: Mark): boolean {
    if (exchange.marks?.direction !== direction) exchange.marks = { direction, moved: [] };
    const { moved } = exchange.marks;
    moved.push(mark);
    const since = (ms: number): Mark | undefined => moved.findLast(({ atMs }) => atMs <= mark.atMs - ms);
    const idle = since(limits.idleMs);
    if (idle && idle.bytes === mark.bytes) return true;
    const start = since(limits.rateWindowMs);
    if (!start) return false;
    while (moved[0] !== start) moved.shift();
    return (mark.bytes - start.bytes) * 1000 < limits.minimumBytesPerSecond * (mark.atMs - start.atMs);
  }

  /** Whoever parses the body answers 408; where nobody does, the connection just ends. */
  function giveUpBody(exchange: Exchange, now: number): void {
    const { request, response } = exchange;
    if (response.headersSent || request.listenerCount('error') === 0) return void request.socket.destroy();
    exchange.hangUpMs = now + limits.lingerMs;
    request.emit('error', new AppError('request_timeout', { headers: { Connection: 'close' } }));
  }
}

/** Tells whether an answer is waiting for its client to take more of it. */
function isSending({ request, response }: Exchange): boolean {
  return response.headersSent && !response.closed && request.socket.writableLength > 0;
}
