/** Bytes `first` to `last`, both included, both within the content. */
export interface ByteRange {
  first: number;
  last: number;
}

/**
 * Returns the one range of bytes that a Range header asks for (RFC 9110 section 14.1.2), `unsatisfiable` when it lies
 * outside the content, or null when the header is to be ignored: malformed, another unit, or several ranges.
 *
 * @param size bytes of the content
 */
export function parseRange(header: string, size: number): ByteRange | 'unsatisfiable' | null {
  const match = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(header);
  if (!match) return null;
  const [, from = '', to = ''] = match;
  if (from === '') {
    if (to === '') return null;
    const suffixLength = Number(to);
    if (suffixLength === 0 || size === 0) return 'unsatisfiable';
    return { first: Math.max(0, size - suffixLength), last: size - 1 };
  }
  const first = Number(from);
  if (to !== '' && Number(to) < first) return null;
  if (first >= size) return 'unsatisfiable';
  return { first, last: to === '' ? size - 1 : Math.min(Number(to), size - 1) };
}
