const maxCodePoints = 255;
const nameless = 'untitled';

/**
 * Returns what is kept of a file name that a client said: the last segment of a path of any system, without control
 * characters, well-formed, at most 255 code points; `untitled` when nothing remains. Kept as data: it is never a path here.
 */
export function toFilename(said: string): string {
  const segment = said.slice(Math.max(said.lastIndexOf('/'), said.lastIndexOf('\\')) + 1);
  const name = Array.from(
    segment
      .toWellFormed()
      .replace(/\p{Cc}/gu, '')
      .trim(),
  )
    .slice(0, maxCodePoints)
    .join('')
    .trim();
  return name === '' || name === '.' || name === '..' ? nameless : name;
}

/** Returns the file name of a document that was sent without one; a slash in a title separates no folders. */
export function filenameOfTitle(title: string): string {
  return toFilename(title.replace(/[\\/]/g, '-'));
}
