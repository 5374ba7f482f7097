import { median, quantile } from '../../server/measure/instruments/statistics.ts';
import { Connection } from './connection.ts';

export interface LoadRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  /** A body of so many arbitrary bytes, or a text. */
  body?: number | string;
}

export interface LoadTask {
  port: number;
  connections: number;
  /** Sent in turn. */
  requests: LoadRequest[];
  /** It ends at whichever comes first. */
  forMs: number;
  maxRequests: number;
  /** At most so many; null: as many as are answered. */
  requestsPerSecond: number | null;
  /** How long it keeps looking for the next answer before it falls asleep: see `createBusyPoll`. */
  busyPollMs: number;
}

export interface LoadResult {
  answers: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
  /** How many answers had each status. */
  statuses: Record<string, number>;
  bodyBytes: number;
}

/**
 * Keeps every connection busy until time or requests are up. With a rate, a request's time counts from when it was due,
 * whatever became of those before it. Rejects when a connection ends without an answer.
 */
export async function load({
  port,
  connections,
  requests,
  forMs,
  maxRequests,
  requestsPerSecond,
  busyPollMs,
}: LoadTask): Promise<LoadResult> {
  const messages = requests.map((request) => messageOf(request, port));
  const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(port)));
  const timesMs: number[] = [];
  const statuses: Record<string, number> = {};
  let bodyBytes = 0;
  let sent = 0;
  const startedMs = performance.now();
  const stayAwake = createBusyPoll(busyPollMs);

  async function keepBusy(connection: Connection): Promise<void> {
    while (sent < maxRequests && performance.now() - startedMs < forMs) {
      const turn = sent++;
      let dueMs = performance.now();
      if (requestsPerSecond !== null) {
        dueMs = startedMs + (turn * 1000) / requestsPerSecond;
        if (dueMs - startedMs >= forMs) return;
        const earlyMs = dueMs - performance.now();
        if (earlyMs > 0) await new Promise((resolve) => setTimeout(resolve, earlyMs));
      }
      const answer = await connection.ask(messages[turn % messages.length] as Buffer);
      const answeredMs = performance.now();
      stayAwake(answeredMs);
      timesMs.push(answeredMs - dueMs);
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      bodyBytes += answer.bodyBytes;
    }
  }

  try {
    await Promise.all(open.map(keepBusy));
  } finally {
    for (const connection of open) connection.close();
  }
  const seconds = (performance.now() - startedMs) / 1000;
  return {
    answers: timesMs.length,
    seconds,
    p50Ms: median(timesMs),
    p99Ms: quantile(timesMs, 0.99),
    statuses,
    bodyBytes,
  };
}

/**
 * Returns what keeps the event loop awake for `busyPollMs` after a moment that it is told. To wake a sleeper is the work
 * of whoever sends to it: of a server whose answers come more seldom than they are looked through, and on a virtual machine
 * some ten microseconds for each of them.
 */
function createBusyPoll(busyPollMs: number): (fromMs: number) => void {
  let untilMs = 0;
  let isPolling = false;
  const poll = (): void => {
    isPolling = performance.now() < untilMs;
    if (isPolling) setImmediate(poll);
  };
  return (fromMs) => {
    untilMs = fromMs + busyPollMs;
    if (!isPolling) poll();
  };
}

function messageOf({ method, path, headers, body }: LoadRequest, port: number): Buffer {
  const bytes = typeof body === 'number' ? Buffer.alloc(body, 'inksong ') : Buffer.from(body ?? '');
  const lines = Object.entries({ Host: `127.0.0.1:${port}`, ...headers }).map(([name, value]) => `${name}: ${value}`);
  if (body !== undefined) lines.push(`Content-Length: ${bytes.length}`);
  return Buffer.concat([Buffer.from([`${method} ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n')), bytes]);
}
