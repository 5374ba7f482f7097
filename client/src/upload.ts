import { exchange, type Fetch, type UploadProgress } from './exchange.ts';
import { sendByXhr } from './xhr-upload.ts';

const pieceBytes = 64 * 1024;

export interface Upload {
  method: 'POST' | 'PUT';
  /** From the root of the server. */
  path: string;
  body: Blob;
  headers: Record<string, string>;
  onProgress?: ((progress: UploadProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** One attempt at an upload. */
export interface UploadAttempt extends Upload {
  url: string;
  credential: Record<string, string>;
}

/**
 * Sends the bytes once, telling how far it is. Throws `InksongConnectionError`, and the signal's reason when it was
 * aborted; the server keeps nothing of an upload that broke off.
 */
export async function sendUpload(fetch: Fetch, attempt: UploadAttempt): Promise<Response> {
  attempt.signal?.throwIfAborted();
  // fetch cannot tell how far an upload is: browsers have an older interface that can, elsewhere the bytes are counted.
  if (attempt.onProgress && typeof XMLHttpRequest === 'function') return sendByXhr(attempt);
  const { method, url, headers, credential, body, onProgress, signal = null } = attempt;
  const init: RequestInit & { duplex: 'half' } = {
    method,
    headers: { ...headers, ...credential },
    body: onProgress ? counted(body, onProgress, signal) : body,
    duplex: 'half',
    redirect: 'error',
    signal,
  };
  return exchange(fetch, new Request(url, init));
}

/**
 * Reads piece by piece, each when the network wants it, and counts what has been handed over before. Ends by itself
 * when aborted: Node's fetch goes on reading a body that nobody waits for any more.
 */
function counted(
  body: Blob,
  onProgress: (progress: UploadProgress) => void,
  signal: AbortSignal | null,
): ReadableStream<Uint8Array> {
  let sentBytes = 0;
  return new ReadableStream(
    {
      async pull(controller) {
        if (signal?.aborted) return controller.error(signal.reason);
        if (sentBytes > 0) onProgress({ sentBytes, totalBytes: body.size });
        if (sentBytes === body.size) return controller.close();
        const piece = await body.slice(sentBytes, sentBytes + pieceBytes).arrayBuffer();
        sentBytes += piece.byteLength;
        controller.enqueue(new Uint8Array(piece));
      },
    },
    { highWaterMark: 0 },
  );
}
