import { InksongConnectionError } from '@inksong/client';

/** Reads an answer to its end, telling how many bytes have come. Throws when it breaks off, also when it was aborted. */
export async function readBlob(response: Response, onProgress: (receivedBytes: number) => void): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let receivedBytes = 0;
  try {
    for (const reader = response.body?.getReader(); reader; ) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      receivedBytes += value.length;
      onProgress(receivedBytes);
    }
  } catch (cause) {
    throw new InksongConnectionError('The download broke off.', { cause });
  }
  // Whatever it is, it is to be kept as a file and not shown as a page of ours.
  return new Blob(parts, { type: 'application/octet-stream' });
}

/** The browser has begun to read the bytes long before; until then they must stay. */
const keptMs = 60_000;

/** Hands bytes to the browser as a file of that name. */
export function saveBlob(blob: Blob, filename: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = filename;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), keptMs);
}
