import { AppError } from '../app-error.ts';

/**
 * Throws `content_too_large` when a request's Content-Length already says more than a document may have.
 * @param overheadBytes what the request may have around the document; callers are told of the document, which is theirs to shorten
 */
export function refuseLongBody(
  contentLength: string | undefined,
  maxDocumentBytes: number,
  { overheadBytes = 0 } = {},
): void {
  // Node has refused what is not a number.
  if (contentLength !== undefined && Number(contentLength) > maxDocumentBytes + overheadBytes) {
    throw tooLarge(maxDocumentBytes);
  }
}

/** Yields a stream's pieces; throws `content_too_large` with the first that passes the limit and its overhead. */
export async function* limited<T extends Uint8Array>(
  bytes: AsyncIterable<T>,
  maxDocumentBytes: number,
  { overheadBytes = 0 } = {},
): AsyncGenerator<T> {
  let size = 0;
  for await (const piece of bytes) {
    size += piece.length;
    if (size > maxDocumentBytes + overheadBytes) throw tooLarge(maxDocumentBytes);
    yield piece;
  }
}

function tooLarge(maxDocumentBytes: number): AppError {
  return new AppError('content_too_large', { detail: `A document may have ${maxDocumentBytes} bytes.` });
}
