import { type IncomingHttpHeaders, request } from 'node:http';
import { text } from 'node:stream/consumers';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** The body as JSON, or null when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever it expects to be there.
  json: any;
}

export interface RequestOptions {
  method?: string;
  key?: string;
  bearer?: string;
  /** Names and values in turn, sent as they are. */
  headers?: string[];
  /** One of this machine's own addresses to call from, 127.0.0.0/8. */
  from?: string;
  /** A Unix socket to call in place of the URL's host. */
  socketPath?: string;
  body?: string;
}

/** Sends one request on a connection of its own. */
export function send(url: string, options: RequestOptions = {}): Promise<Answer> {
  const { method = 'GET', key, bearer, headers = [], from, socketPath, body } = options;
  const lines = ['Host', new URL(url).host, 'Connection', 'close', ...headers];
  if (key !== undefined) lines.push('X-API-Key', key);
  if (bearer !== undefined) lines.push('Authorization', `Bearer ${bearer}`);
  if (body !== undefined)
    lines.push('Content-Type', 'application/json', 'Content-Length', `${Buffer.byteLength(body)}`);
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method,
      agent: false,
      headers: lines,
      ...(from !== undefined && { localAddress: from }),
      ...(socketPath !== undefined && { socketPath }),
    });
    sent.once('error', reject);
    sent.once('response', (incoming) => {
      text(incoming).then((content) => {
        const isJson = /json/.test(incoming.headers['content-type'] ?? '') && content !== '';
        const json = isJson ? JSON.parse(content) : null;
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text: content, json });
      }, reject);
    });
    sent.end(body);
  });
}
