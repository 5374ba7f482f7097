/** A document as its owner may see it; the bytes are read separately. */
export interface DocumentView {
  id: string;
  title: string;
  filename: string;
  content_type: string;
  /** Bytes. */
  size: number;
  /** SHA-256 of the bytes, lower-case hex. */
  sha256: string;
  /** Milliseconds since 1970. */
  created_at: number;
  updated_at: number;
}

/** What an upload says about itself. */
export interface DocumentDescription {
  title: string;
  filename: string;
  contentType: string;
}

/** Characters are Unicode code points. */
export const titleMaxLength = 200;

/** For JSON Schema, with the `u` flag: no control characters, and no half of a surrogate pair, which UTF-8 cannot carry. */
export const lineOfTextPattern = '^[^\\p{Cc}\\p{Cs}]*$';
const lineOfText = new RegExp(lineOfTextPattern, 'u');

/** Tells whether a string may be a title: 1 to 200 characters, none of them a control character. */
export function isTitle(text: string): boolean {
  const length = Array.from(text).length;
  return length >= 1 && length <= titleMaxLength && lineOfText.test(text);
}

/** Returns the title of a document that was sent without one. */
export function titleOfFilename(filename: string): string {
  return Array.from(filename).slice(0, titleMaxLength).join('');
}

/** Returns a title, or a search for one, in the form in which the two are compared: compatibility forms folded, lower case. */
export function toSearchForm(text: string): string {
  return text.normalize('NFKC').toLowerCase().normalize('NFKC');
}
