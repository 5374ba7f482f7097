import { InksongError } from '@inksong/client';
import { failureText } from '../ui/failure-text.ts';
import { byteText, exactByteText } from './byte-text.ts';

/** Returns why a file was not stored, and what to do about it. */
export function storeFailureText(error: unknown): string {
  if (!(error instanceof InksongError)) return failureText(error);
  if (error.status === 413) return `The file is too large. ${withSizes(error.detail)}`;
  if (error.status === 507) return 'Your space is full. Delete documents that you no longer need, then try again.';
  if (error.status === 412) return 'Somebody has changed the document in the meantime. Nothing was overwritten.';
  if (error.status === 404) return 'The document has been deleted in the meantime.';
  return failureText(error);
}

/** Eight digits tell a person nothing, and a rounded limit is none: "26 MB (26,214,400 bytes)". */
function withSizes(text: string): string {
  return text.replace(/(\d+) bytes/g, (_all, bytes) => {
    const [rounded, exact] = [byteText(Number(bytes)), exactByteText(Number(bytes))];
    return rounded === exact ? exact : `${rounded} (${exact})`;
  });
}
