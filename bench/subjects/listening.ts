import type { IncomingMessage } from 'node:http';
import { createLog } from '../../server/src/log.ts';

/** What server-process.ts tells each program about itself. */
export const settings = {
  host: process.env.HOST ?? '127.0.0.1',
  port: Number(process.env.PORT),
  databasePath: process.env.BENCH_DATABASE ?? '',
};

/** Everybody writes the same lines through the same library, in the same way, to the same kind of file. */
const { log, flush } = await createLog('info');

export { log };

let requests = 0;

/** Returns what everybody writes of an answered request; a number of one's own is the cheapest way to name it. */
export function requestLine(
  request: IncomingMessage,
  answer: { route: string; status: number; milliseconds: number; accountId: string | null; scheme: string | null },
) {
  return {
    request_id: `req_${(++requests).toString(16).padStart(32, '0')}`,
    method: request.method,
    path: request.url?.split('?', 1)[0],
    route: answer.route,
    status: answer.status,
    duration_ms: Math.round(answer.milliseconds * 100) / 100,
    address: request.socket.remoteAddress,
    account_id: answer.accountId,
    scheme: answer.scheme,
  };
}

process.once('SIGTERM', () => {
  flush();
  process.exit(0);
});
