/** What a conditional header names: any representation, or those of these tags. */
export type EntityTags = '*' | { opaque: string; weak: boolean }[];

/** Returns the strong validator of bytes: their quoted SHA-256 (RFC 9110 section 8.8.3). */
export function entityTag(sha256: string): string {
  return `"${sha256}"`;
}

/**
 * Returns what an If-Match or If-None-Match header names (RFC 9110 section 13.1), or null when it is malformed.
 * Empty list elements are allowed (section 5.6.1).
 */
export function parseEntityTags(header: string): EntityTags | null {
  if (header.trim() === '*') return '*';
  const tags: { opaque: string; weak: boolean }[] = [];
  // A tag may hold commas, so the list is walked, not split. Every alternative starts with another character.
  const element = /(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"|,|[ \t]+/gy;
  let tagMayFollow = true;
  while (element.lastIndex < header.length) {
    const match = element.exec(header);
    if (!match) return null;
    const [text, weak, opaque] = match;
    if (text === ',') tagMayFollow = true;
    if (opaque === undefined) continue;
    if (!tagMayFollow) return null;
    tagMayFollow = false;
    tags.push({ opaque, weak: weak !== undefined });
  }
  return tags;
}

/** Strong comparison (RFC 9110 section 8.8.3.2), for If-Match: a weak tag names no bytes. Malformed matches nothing. */
export function matchesStrongly(header: string, sha256: string): boolean {
  const tags = parseEntityTags(header);
  return tags === '*' || (tags?.some(({ opaque, weak }) => !weak && opaque === sha256) ?? false);
}

/** Weak comparison, for If-None-Match. Malformed matches nothing, so the whole answer is sent. */
export function matchesWeakly(header: string, sha256: string): boolean {
  const tags = parseEntityTags(header);
  return tags === '*' || (tags?.some(({ opaque }) => opaque === sha256) ?? false);
}
