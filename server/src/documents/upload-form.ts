import { AppError, pointerTo } from '../app-error.ts';
import { type DocumentDescription, isTitle, titleOfFilename } from './document.ts';
import type { ReceiveUpload } from './documents.ts';
import { toFilename } from './filename.ts';
import { toMediaType } from './media-type.ts';
import { boundaryOf, type FormPart, readParts } from './multipart.ts';
import { limited } from './upload-limit.ts';

/** What a form may have beside the file: the title, part headers, boundaries. */
export const formOverheadBytes = 64 * 1024;
/** UTF-8 takes at most four bytes for each of a title's 200 characters. */
const titleMaxBytes = 800;

/**
 * Returns a reader of a multipart/form-data body with one `file` and at most one `title`, in either order.
 *
 * @param maxDocumentBytes the file's limit; with the rest of the form a body may be 64 KiB longer
 */
export function receiveForm(body: AsyncIterable<Buffer>, contentType: string, maxDocumentBytes: number): ReceiveUpload {
  return async (keep): Promise<DocumentDescription> => {
    const boundary = boundaryOf(contentType);
    if (boundary === null) throw new AppError('invalid_request', { detail: 'The multipart body names no boundary.' });
    let title: string | undefined;
    let file: Omit<DocumentDescription, 'title'> | undefined;

    for await (const part of readParts(
      limited(body, maxDocumentBytes, { overheadBytes: formOverheadBytes }),
      boundary,
    )) {
      if (part.name === 'file') {
        if (file) throw refused('file', 'Send one file.');
        if (part.filename === null) throw refused('file', 'Must be a file, with a file name, not a plain field.');
        file = { filename: toFilename(part.filename), contentType: toMediaType(part.contentType) };
        await keep(part.bytes);
      } else if (part.name === 'title') {
        if (title !== undefined) throw refused('title', 'Send one title.');
        title = await readTitle(part);
      } else {
        throw refused(part.name, 'Is not a field of this request.');
      }
    }
    if (!file) throw refused('file', 'Is missing.');
    return { title: title ?? titleOfFilename(file.filename), ...file };
  };
}

async function readTitle(part: FormPart): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of part.bytes) {
    size += piece.length;
    if (size > titleMaxBytes) throw notATitle();
    pieces.push(piece);
  }
  let title: string;
  try {
    title = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(pieces));
  } catch {
    throw notATitle();
  }
  if (!isTitle(title)) throw notATitle();
  return title;
}

function notATitle(): AppError {
  return refused('title', 'Must have 1 to 200 characters of UTF-8, none of them a control character.');
}

function refused(field: string, detail: string): AppError {
  return new AppError('validation_failed', { errors: [{ pointer: pointerTo(field), detail }] });
}
