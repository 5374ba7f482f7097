import { Agent, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { CallOptions } from '../../test/boot.ts';

export interface TimedAnswer {
  /** 0: the connection was refused or broke off. */
  status: number;
  /** Nanoseconds of one clock, that of this process: before the first byte was sent, after the last was received. */
  sentNs: bigint;
  receivedNs: bigint;
  // biome-ignore lint/suspicious/noExplicitAny: whoever asked knows what to expect.
  json: any;
  bytes: Buffer;
  cookie: string | null;
  /** What went wrong when there is no answer. */
  fault: string;
}

type Options = Pick<CallOptions, 'key' | 'bearer' | 'refreshToken' | 'json'> & {
  headers?: Record<string, string>;
  /** Pieces of a body, sent as they come. */
  pieces?: AsyncIterable<Uint8Array>;
};

export interface Asker {
  ask(url: string, method: string, options?: Options): Promise<TimedAnswer>;
  close(): void;
}

/** Returns a client that keeps its connections, never gives up on an answer, and never sends anything twice. */
export function createAsker(connections = 256): Asker {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return {
    ask: (url, method, options = {}) =>
      new Promise((resolve) => {
        const body = options.json === undefined ? undefined : Buffer.from(JSON.stringify(options.json));
        const headers: Record<string, string> = { ...options.headers };
        if (options.key !== undefined) headers['X-API-Key'] = options.key;
        if (options.bearer !== undefined) headers.Authorization = `Bearer ${options.bearer}`;
        if (options.refreshToken !== undefined) headers.Cookie = `__Host-inksong_refresh=${options.refreshToken}`;
        if (body !== undefined) {
          headers['Content-Type'] = 'application/json';
          headers['Content-Length'] = String(body.length);
        }
        const sentNs = process.hrtime.bigint();
        const fail = (error: Error): void =>
          resolve({
            status: 0,
            sentNs,
            receivedNs: process.hrtime.bigint(),
            json: null,
            bytes: Buffer.alloc(0),
            cookie: null,
            fault: (error as NodeJS.ErrnoException).code ?? error.message,
          });
        const sent = request(url, { method, agent, headers }, (answer) => {
          buffer(answer).then((bytes) => {
            const isJson = /json/.test(answer.headers['content-type'] ?? '');
            resolve({
              status: answer.statusCode ?? 0,
              sentNs,
              receivedNs: process.hrtime.bigint(),
              json: isJson && bytes.length > 0 ? JSON.parse(bytes.toString()) : null,
              bytes,
              cookie: /^__Host-inksong_refresh=([^;]*)/.exec(answer.headers['set-cookie']?.[0] ?? '')?.[1] ?? null,
              fault: '',
            });
          }, fail);
        });
        sent.on('error', fail);
        if (options.pieces === undefined) sent.end(body);
        else
          void (async () => {
            for await (const piece of options.pieces ?? []) sent.write(piece);
            sent.end();
          })();
      }),
    close: () => agent.destroy(),
  };
}
