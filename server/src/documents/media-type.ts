const maxLength = 255;
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
/** RFC 9110 section 8.3.1, without escapes inside quotes. Each step is decided by one character, so matching is linear. */
export const mediaTypePattern = `^${token}/${token}(?:[ \\t]*;[ \\t]*${token}=(?:${token}|"[^"\\\\\\x00-\\x1f\\x7f-\\uffff]*"))*$`;
const mediaType = new RegExp(mediaTypePattern);

/** The type of bytes of which nothing better is known. */
const unknownMediaType = 'application/octet-stream';

/** Returns a declared media type as it is, or `application/octet-stream` when it is none or longer than 255 characters. */
export function toMediaType(declared: string | undefined): string {
  const type = declared?.trim() ?? '';
  return type.length <= maxLength && mediaType.test(type) ? type : unknownMediaType;
}
