import { hash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';

/** A request as it reached the service, byte for byte but for its body. */
export interface Received {
  method: string;
  target: string;
  /** Names as they were written, and values, in order. */
  lines: [name: string, value: string][];
  bodyBytes: number;
  bodyHash: string;
}

export interface EchoService {
  /** `127.0.0.1:PORT` */
  address: string;
  /** Everything that has reached it so far. */
  received: Received[];
}

/** Starts somebody's service that knows nothing of Inksong: it notes what it gets and answers 200, or the status that its path names. */
export async function startEchoService(t: TestContext): Promise<EchoService> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const { method = '', url: target = '', rawHeaders } = request;
    const lines = rawHeaders.flatMap((name, index): [string, string][] =>
      index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? '']] : [],
    );
    const body = await buffer(request);
    received.push({ method, target, lines, bodyBytes: body.length, bodyHash: hash('sha256', body) });
    const status = Number(/^\/status\/(\d+)/.exec(target)?.[1] ?? 200);
    response.writeHead(status, { 'Content-Type': 'text/plain' }).end('the service');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}
