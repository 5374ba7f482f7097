import { Readable } from 'node:stream';
import { makeZip } from 'client-zip';

export interface ArchiveFile {
  name: string;
  bytes: Uint8Array | string | AsyncIterable<Uint8Array | string>;
  /** Milliseconds since 1970. */
  modifiedAt: number;
}

/**
 * Returns files as a zip archive, uncompressed, made while it is read: one piece of one file is in memory at a time.
 * When the reader leaves, `files` is closed where it stands.
 */
export function zipOf(files: AsyncGenerator<ArchiveFile>): Readable {
  return Readable.from(zipPieces(files), { objectMode: false });
}

async function* zipPieces(files: AsyncGenerator<ArchiveFile>): AsyncGenerator<Uint8Array> {
  const zip = makeZip(inputsOf(files), { buffersAreUTF8: true }).getReader();
  try {
    for (;;) {
      const { done, value } = await zip.read();
      if (done) return;
      yield value;
    }
  } finally {
    await files.return(undefined);
    // It hears of this by an exception of its own, which tells nothing new.
    await zip.cancel().catch(() => {});
  }
}

async function* inputsOf(files: AsyncIterable<ArchiveFile>) {
  for await (const { name, bytes, modifiedAt } of files) {
    yield { name, input: bytes, lastModified: new Date(modifiedAt) };
  }
}
