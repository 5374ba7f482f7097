import { connect } from 'node:net';

/** One answer as it came over the wire. */
export interface RawAnswer {
  status: number;
  /** Lower-case names; a name that came twice has its values joined by a comma. */
  headers: Headers;
  body: Buffer;
}

export interface RawExchange {
  /** Final answers in order; interim ones (100 Continue) are left out. */
  answers: RawAnswer[];
  /** What came after the last whole answer; '' for a clean exchange. */
  rest: string;
  milliseconds: number;
}

/** A whole request, without anything that the caller did not write; `Connection: close` is the caller's to add. */
export function rawRequest(method: string, target: string, headers: readonly string[], body: Buffer | string = '') {
  return Buffer.concat([
    Buffer.from(`${method} ${target} HTTP/1.1\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`, 'latin1'),
    Buffer.from(body),
  ]);
}

export interface ExchangeOptions {
  limitMs?: number;
  /** Of the request: an answer to HEAD has no body. */
  method?: string;
  /** Sent when the first bytes of an answer have come. */
  later?: Buffer;
  /** Closes its half at once, which a server takes as the client having left. */
  leave?: boolean;
}

/**
 * Sends bytes on a connection of their own and collects what comes back until the connection is closed.
 * Throws when that takes longer than `limitMs`. A connection that is reset counts as closed.
 */
export function exchange(
  url: string,
  bytes: Buffer,
  { limitMs = 5_000, method = 'GET', later, leave = false }: ExchangeOptions = {},
): Promise<RawExchange> {
  const { hostname, port } = new URL(url);
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), hostname);
    const deadline = setTimeout(() => {
      socket.destroy();
      const [sent, received] = [bytes, Buffer.concat(chunks)].map((part) =>
        JSON.stringify(part.subarray(0, 300).toString('latin1')),
      );
      reject(new Error(`The connection was still open after ${limitMs} ms: ${sent} was answered ${received}`));
    }, limitMs);
    socket.on('data', (chunk) => {
      if (chunks.push(chunk) === 1 && later) socket.write(later);
    });
    // Whoever is refused before it has sent everything may see a reset instead of an end.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(deadline);
      try {
        resolve({ ...parseAnswers(Buffer.concat(chunks), method), milliseconds: performance.now() - started });
      } catch (error) {
        reject(error);
      }
    });
    if (leave) socket.end(bytes);
    else socket.write(bytes);
  });
}

function parseAnswers(bytes: Buffer, method: string): Pick<RawExchange, 'answers' | 'rest'> {
  const answers: RawAnswer[] = [];
  let rest = bytes;
  for (;;) {
    const headEnd = rest.indexOf('\r\n\r\n');
    if (headEnd < 0) break;
    const [statusLine = '', ...lines] = rest.subarray(0, headEnd).toString('latin1').split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) [^\r\n]*$/.exec(statusLine)?.[1]);
    if (!status) throw new Error(`Not a status line: ${statusLine}`);
    const headers = new Headers();
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    const after = rest.subarray(headEnd + 4);
    const hasBody = status >= 200 && status !== 204 && status !== 304 && method !== 'HEAD';
    const { body, length } = hasBody ? bodyOf(headers, after) : { body: Buffer.alloc(0), length: 0 };
    if (status >= 200) answers.push({ status, headers, body });
    rest = after.subarray(length);
  }
  return { answers, rest: rest.toString('latin1') };
}

/** Returns a body and how many bytes it took on the wire. Throws when it was cut short. */
function bodyOf(headers: Headers, bytes: Buffer): { body: Buffer; length: number } {
  if (headers.get('transfer-encoding') === 'chunked') {
    const parts: Buffer[] = [];
    for (let at = 0; ; ) {
      const lineEnd = bytes.indexOf('\r\n', at);
      const size = Number.parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16);
      if (lineEnd < 0 || Number.isNaN(size)) throw new Error('The answer was cut short.');
      parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
      at = lineEnd + 2 + size + 2;
      if (size === 0) return { body: Buffer.concat(parts), length: at };
    }
  }
  const length = Number(headers.get('content-length') ?? bytes.length);
  if (bytes.length < length) throw new Error('The answer was cut short.');
  return { body: bytes.subarray(0, length), length };
}
