import { parse as parseDisposition } from 'content-disposition';
import { AppError } from '../app-error.ts';

/** One part of a multipart/form-data body. `bytes` must be read to its end before the next part is asked for. */
export interface FormPart {
  name: string;
  /** As the client said it; null for a plain field. */
  filename: string | null;
  /** As the client said it, parameters included. */
  contentType: string | undefined;
  bytes: AsyncIterable<Buffer>;
}

/** The headers of one part. */
const headerBytes = 16 * 1024;
const headerEnd = Buffer.from('\r\n\r\n');

/**
 * Returns the boundary of a multipart/form-data content type, or null when it names none (RFC 2046 section 5.1.1).
 * The search is for a parameter, so `boundary=` inside a quoted other parameter does not count.
 */
export function boundaryOf(contentType: string): string | null {
  const parameter = /;[ \t]*boundary=(?:"([^"]{1,70})"|([^\s";,]{1,70}))[ \t]*(?:;|$)/i.exec(contentType);
  const boundary = parameter?.[1] ?? parameter?.[2];
  return boundary !== undefined && /^[\x20-\x7e]*[\x21-\x7e]$/.test(boundary) ? boundary : null;
}

/**
 * Yields the parts of a multipart/form-data body (RFC 7578) as they arrive, holding no more than one header block or
 * one piece of the stream. Only pulls: whoever stops iterating stops reading, and `body` is told so. Throws
 * `invalid_request` when the body is not well formed or ends early. The usual parsers drop a part's charset, leave `%22`
 * in file names and pass over parts without a name in silence, and a document API may do none of these.
 */
export async function* readParts(body: AsyncIterable<Buffer>, boundary: string): AsyncGenerator<FormPart> {
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  // The first delimiter may stand at the very start, where no line break precedes it.
  const input = new BufferedInput(body, Buffer.from('\r\n'));

  try {
    for await (const _preamble of input.until(delimiter)) {
      // Not for us (RFC 2046 section 5.1.1).
    }
    while (await input.delimiterOpensPart()) {
      const { bytes, ...part } = { ...parseHeaders(await input.headers()), bytes: input.until(delimiter) };
      let complete = false;
      yield {
        ...part,
        bytes: (async function* () {
          yield* bytes;
          complete = true;
        })(),
      };
      if (!complete) throw new Error('A part was not read to its end.');
    }
    await input.discardRest();
  } finally {
    await input.stop();
  }
}

/** What has arrived of the body and is not yet consumed. */
class BufferedInput {
  readonly #source: AsyncIterator<Buffer>;
  #pending: Buffer;

  constructor(body: AsyncIterable<Buffer>, initial: Buffer) {
    this.#source = body[Symbol.asyncIterator]();
    this.#pending = initial;
  }

  async #fill(): Promise<void> {
    const { done, value } = await this.#source.next();
    if (done) throw malformed('It ends before its last boundary.');
    this.#pending = this.#pending.length === 0 ? value : Buffer.concat([this.#pending, value]);
  }

  /** Yields everything before the next delimiter and consumes both. */
  async *until(delimiter: Buffer): AsyncGenerator<Buffer> {
    for (;;) {
      const at = this.#pending.indexOf(delimiter);
      // Without a match, all but what may be the delimiter's beginning is surely content.
      const sure = at >= 0 ? at : this.#pending.length - delimiter.length + 1;
      if (sure > 0) {
        const content = this.#pending.subarray(0, sure);
        this.#pending = this.#pending.subarray(sure);
        yield content;
      }
      if (at >= 0) {
        this.#pending = this.#pending.subarray(delimiter.length);
        return;
      }
      await this.#fill();
    }
  }

  /** Consumes what follows a delimiter: returns true for a part, false for the end of the form. */
  async delimiterOpensPart(): Promise<boolean> {
    for (;;) {
      // White space may be added by transports (RFC 2046 section 5.1.1).
      const padding = this.#pending.findIndex((byte) => byte !== 0x20 && byte !== 0x09);
      const start = padding < 0 ? this.#pending.length : padding;
      const next = this.#pending.toString('latin1', start, start + 2);
      if (next === '--' && start === 0) return false;
      if (next === '\r\n') {
        // One line break is left: it begins the empty line when the part has no headers.
        this.#pending = this.#pending.subarray(start);
        return true;
      }
      if (next.length === 2 || start > headerBytes) throw malformed('A boundary is followed by something else.');
      await this.#fill();
    }
  }

  async headers(): Promise<string> {
    for (;;) {
      const end = this.#pending.indexOf(headerEnd);
      if (end > headerBytes || (end < 0 && this.#pending.length > headerBytes)) {
        throw malformed('The headers of a part are too long.');
      }
      if (end >= 0) {
        const headers = this.#pending.toString('utf8', 0, end);
        this.#pending = this.#pending.subarray(end + headerEnd.length);
        return headers;
      }
      await this.#fill();
    }
  }

  async discardRest(): Promise<void> {
    this.#pending = Buffer.alloc(0);
    while (!(await this.#source.next()).done);
  }

  /** Tells the source that no more of it is wanted, so that it lets go of what it holds. */
  async stop(): Promise<void> {
    await this.#source.return?.();
  }
}

function parseHeaders(block: string): Omit<FormPart, 'bytes'> {
  const headers = new Map<string, string>();
  for (const line of block.split('\r\n').filter((line) => line !== '')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).trim().toLowerCase();
    if (name === '' || headers.has(name)) throw malformed('A part has a malformed or repeated header.');
    headers.set(name, line.slice(colon + 1).trim());
  }
  const { type, parameters } = parseDisposition(headers.get('content-disposition') ?? '', { multipart: true });
  if (type !== 'form-data' || parameters.name === undefined) throw malformed('A part has no name.');
  // Deprecated by RFC 7578 section 4.7; storing the encoded form would silently store the wrong bytes.
  if (!/^(7bit|8bit|binary)?$/i.test(headers.get('content-transfer-encoding') ?? '')) {
    throw malformed('A part has a Content-Transfer-Encoding; send its bytes as they are.');
  }
  return {
    name: parameters.name,
    filename: parameters.filename ?? null,
    contentType: headers.get('content-type'),
  };
}

function malformed(detail: string): AppError {
  return new AppError('invalid_request', { detail: `The multipart body is malformed. ${detail}` });
}
