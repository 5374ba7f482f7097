import type { IncomingMessage } from 'node:http';
import { AppError } from '../app-error.ts';
import type { Exchange } from './exchanges.ts';
import { bytesTaken, readSendQueues } from './send-queue.ts';
import type { HttpServer } from './server.ts';

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

/** What is known of an exchange that takes so long that it was looked at. */
interface Watch {
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
export function enforceTimeLimits(
  { server, exchanges }: Pick<HttpServer, 'server' | 'exchanges'>,
  limits: TimeLimits,
): void {
  const watched = new WeakMap<Exchange, Watch>();
  let timer: NodeJS.Timeout | undefined;

  const sweep = async (): Promise<void> => {
    const queued = exchanges.underWay().some(isSending) ? await readSendQueues() : () => 0;
    const now = performance.now();
    for (const exchange of exchanges.underWay()) {
      const watch = watched.get(exchange) ?? { hangUpMs: null, marks: null };
      watched.set(exchange, watch);
      if (!exchange.request.socket.destroyed) check(exchange, watch, now, queued);
    }
    schedule();
  };
  const schedule = (): void => {
    timer = setTimeout(() => void sweep(), limits.checkEveryMs).unref();
  };
  server.on('listening', schedule);
  server.on('close', () => clearTimeout(timer));

  function check(
    exchange: Exchange,
    watch: Watch,
    now: number,
    queued: (socket: IncomingMessage['socket']) => number,
  ): void {
    const { request, startedMs } = exchange;
    const { socket } = request;
    if (watch.hangUpMs !== null) {
      if (now >= watch.hangUpMs) socket.destroy();
    } else if (isSending(exchange)) {
      if (isTooSlow(watch, 'down', { atMs: now, bytes: bytesTaken(socket) - queued(socket) })) socket.destroy();
    } else if (!request.complete && !transfers.has(request)) {
      if (now - startedMs >= limits.bodyMs) giveUpBody(exchange, watch, now);
    } else if (!request.complete && request.readableLength === 0) {
      if (isTooSlow(watch, 'up', { atMs: now, bytes: socket.bytesRead })) socket.destroy();
    } else {
      watch.marks = null;
    }
  }

  /** Notes how far a transfer has come; tells whether it stands still or is under the rate. */
  function isTooSlow(watch: Watch, direction: 'up' | 'down', mark: Mark): boolean {
    if (watch.marks?.direction !== direction) watch.marks = { direction, moved: [] };
    const { moved } = watch.marks;
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
  function giveUpBody({ request, response }: Exchange, watch: Watch, now: number): void {
    if (response.headersSent || request.listenerCount('error') === 0) return void request.socket.destroy();
    watch.hangUpMs = now + limits.lingerMs;
    request.emit('error', new AppError('request_timeout', { headers: { Connection: 'close' } }));
  }
}

/** Tells whether an answer is waiting for its client to take more of it. */
function isSending({ request, response }: Exchange): boolean {
  return response.headersSent && !response.closed && request.socket.writableLength > 0;
}
