import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { json as readJson } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import type { Answer, TestServer } from './boot.ts';

/** Returns a form with one file, and a title when one is given. */
export function fileForm(
  bytes: Uint8Array<ArrayBuffer>,
  { name = 'file.bin', type = 'application/octet-stream', title = '' } = {},
): FormData {
  const form = new FormData();
  if (title !== '') form.append('title', title);
  form.append('file', new Blob([bytes], { type }), name);
  return form;
}

/** Uploads text as JSON and returns the answer's body. Throws unless it is a 201. */
export async function createText(
  server: TestServer,
  key: string,
  title: string,
  content = title,
): Promise<Answer['json']> {
  const answer = await server.call('POST', '/documents/', { key, json: { title, content } });
  if (answer.status !== 201) throw new Error(`create answered ${answer.status} ${answer.bytes}`);
  return answer.json;
}

export async function storageOf(server: TestServer, accountId: string) {
  const { query } = server.services.database;
  const usage = await query
    .selectFrom('storage_usage')
    .selectAll()
    .where('account_id', '=', accountId)
    .executeTakeFirst();
  const versions = await query.selectFrom('content_versions').selectAll().where('account_id', '=', accountId).execute();
  return { documentBytes: usage?.document_bytes, storedBytes: usage?.stored_bytes, versions };
}

/** Waits until `condition` holds, by looking again and again; throws after 10 s. */
export async function eventually(condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('It did not come to pass within 10 s.');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export interface SlowUpload {
  socket: Socket;
  /** Everything that has come back so far. */
  received(): string;
}

/** Begins a request on a socket of its own and leaves it open: the caller sends the body at its own pace. */
export function slowUpload(t: TestContext, server: TestServer, head: readonly string[]): SlowUpload {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.setEncoding('latin1');
  socket.on('data', (text) => {
    received += text;
  });
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  socket.write(`${head.join('\r\n')}\r\nHost: localhost\r\n\r\n`);
  return { socket, received: () => received };
}

/** Sends a body piece by piece, chunked, without Content-Length. Returns the answer's status and JSON. */
export function sendChunked(
  server: TestServer,
  method: string,
  path: string,
  headers: Record<string, string>,
  body: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<Pick<Answer, 'status' | 'json'>> {
  return new Promise((resolve, reject) => {
    const sent = request(`${server.url}/api/v1${path}`, { method, headers }, (answer) => {
      readJson(answer).then((json) => resolve({ status: answer.statusCode ?? 0, json }), reject);
    });
    sent.on('error', reject);
    Readable.from(body).pipe(sent);
  });
}
