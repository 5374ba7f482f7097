import { readIpRange } from './ip-range.ts';
import { createIpRanges, type IpRanges } from './ip-ranges.ts';

export const maxAllowlistEntries = 1_000;

export interface AllowlistFault {
  /** Of the entry, from 0. */
  index: number;
  detail: string;
}

/** Returns the entries in their canonical spelling, each once, in the order they came; and what is wrong with the others. */
export function readAllowlist(entries: readonly string[]): { allowlist: string[]; faults: AllowlistFault[] } {
  const allowlist = new Set<string>();
  const faults: AllowlistFault[] = [];
  for (const [index, entry] of entries.entries()) {
    const read = readIpRange(entry);
    if ('range' in read) allowlist.add(read.range);
    else faults.push({ index, detail: read.fault });
  }
  return { allowlist: [...allowlist], faults };
}

/** Returns the text under which an allowlist is stored. */
export function allowlistText(allowlist: readonly string[]): string {
  return JSON.stringify(allowlist);
}

export function allowlistOf(text: string): string[] {
  return JSON.parse(text);
}

/** Entries of all parsed lists together; one takes about a hundred bytes. */
const heldEntries = 100_000;

export interface Allowlists {
  /** Tells whether a key's allowlist, in the text just read from its row, has an address. */
  allows(apiKeyId: string, text: string, address: string): boolean;
}

/**
 * Keeps parsed lists, under the key and the text they were parsed from: a list that has changed is another text, so what
 * is kept is never older than the row.
 */
export function createAllowlists(maxEntries = heldEntries, parse = createIpRanges): Allowlists {
  const parsed = new Map<string, { text: string; ranges: IpRanges; entries: number }>();
  let entriesHeld = 0;

  const forget = (apiKeyId: string): void => {
    entriesHeld -= parsed.get(apiKeyId)?.entries ?? 0;
    parsed.delete(apiKeyId);
  };

  return {
    allows(apiKeyId, text, address) {
      const held = parsed.get(apiKeyId);
      if (held?.text === text) return held.ranges.has(address);
      forget(apiKeyId);
      const allowlist = allowlistOf(text);
      const ranges = parse(allowlist);
      parsed.set(apiKeyId, { text, ranges, entries: allowlist.length });
      entriesHeld += allowlist.length;
      // Oldest first; the one just added stays.
      for (const oldest of parsed.keys()) {
        if (entriesHeld <= maxEntries || oldest === apiKeyId) break;
        forget(oldest);
      }
      return ranges.has(address);
    },
  };
}
