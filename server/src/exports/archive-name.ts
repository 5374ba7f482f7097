const maxBytes = 180;

/**
 * Returns where a document lies in the archive: `documents/`, its id and what is safe of its file name. Whoever unpacks
 * it, on any system, gets a file in that folder: no separators, no drive letters, no control or direction characters, no
 * name that a system reserves, none too long.
 */
export function archiveNameOf({ id, filename }: { id: string; filename: string }): string {
  const safe = cutToBytes(filename.normalize('NFC').replace(/[\p{C}\p{Zl}\p{Zp}<>:"/\\|?*]/gu, '_'), maxBytes);
  return `documents/${id}-${safe.replace(/[. ]+$/, '') || 'untitled'}`;
}

/** Cuts before the character that would not fit whole, as UTF-8. */
function cutToBytes(text: string, bytes: number): string {
  let used = 0;
  let cut = '';
  for (const character of text) {
    used += Buffer.byteLength(character);
    if (used > bytes) break;
    cut += character;
  }
  return cut;
}
