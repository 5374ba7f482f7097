import { AppError } from '../app-error.ts';

/** Throws `content_too_large` when a request's Content-Length already says more than `maxBytes`. */
export function refuseLongBody(contentLength: string | undefined, maxBytes: number): void {
  // Node has refused what is not a number.
  if (contentLength !== undefined && Number(contentLength) > maxBytes) throw tooLarge(maxBytes);
}

/** Yields a stream's pieces; throws `content_too_large` with the first that passes `maxBytes`. */
export async function* limited<T extends Uint8Array>(bytes: AsyncIterable<T>, maxBytes: number): AsyncGenerator<T> {
  let size = 0;
  for await (const piece of bytes) {
    size += piece.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    yield piece;
  }
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('content_too_large', { detail: `A document may have ${maxBytes} bytes.` });
}
