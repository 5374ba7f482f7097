import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** What a proxy says of whoever asked it. */
export interface Hop {
  /** Canonical; null when it is none: hidden, unknown or malformed; undefined when nothing was said of it. */
  address: string | null | undefined;
  /** Lower case, such as `https`; null when it is not told. */
  scheme: string | null;
}

/**
 * Yields the hops of X-Forwarded-For, nearest first: what the last proxy saw, then what that one was told, and so on.
 * X-Forwarded-Proto belongs to them in the same order; where it has fewer entries, its leftmost stands for the rest.
 *
 * @param addresses the values of all X-Forwarded-For lines in order; @param schemes those of X-Forwarded-Proto
 */
export function* xForwardedHops(addresses: readonly string[], schemes: readonly string[]): Generator<Hop> {
  const schemeList = entriesOf(schemes).map((entry) => entry.toLowerCase());
  const addressList = entriesOf(addresses);
  if (addressList.length === 0 && schemeList.length > 0)
    yield { address: undefined, scheme: schemeList.at(-1) ?? null };
  for (const [index, entry] of addressList.reverse().entries()) {
    yield { address: addressOf(entry), scheme: schemeList.at(-1 - index) ?? schemeList[0] ?? null };
  }
}

/**
 * Yields the hops of Forwarded (RFC 7239), nearest first. It is read from the right, quotes and all: whatever a client
 * wrote to the left of what a proxy added cannot change how that is read.
 */
export function* forwardedHops(values: readonly string[]): Generator<Hop> {
  if (values.length === 0) return;
  for (const element of elementsFromRight(values.join(','))) {
    const pairs = pairsOf(element);
    const [node, ...otherNodes] = pairs?.filter(([name]) => name === 'for') ?? [];
    const [scheme] = pairs?.filter(([name]) => name === 'proto') ?? [];
    // IPv6 stands in brackets here; without them, its end could be a port.
    const isOne = node !== undefined && otherNodes.length === 0 && /^(\[|[\d.]+(:\d+)?$)/.test(node[1]);
    yield { address: isOne ? addressOf(node[1]) : null, scheme: scheme?.[1].toLowerCase() ?? null };
  }
}

function entriesOf(values: readonly string[]): string[] {
  if (values.length === 0) return [];
  return values
    .join(',')
    .split(',')
    .map((entry) => entry.trim());
}

/** Returns the address of `192.0.2.7`, `192.0.2.7:443`, `[2001:db8::7]:443` or `2001:db8::7`; null for anything else. */
function addressOf(text: string): string | null {
  const [, ipv4] = /^([\d.]+)(?::\d{1,5})?$/.exec(text) ?? [];
  if (ipv4 !== undefined) return isIPv4(ipv4) ? ipv4 : null;
  const [, bracketed] = /^\[(.*)\](?::\d{1,5})?$/.exec(text) ?? [];
  const ipv6 = bracketed ?? text;
  // A zone means something on the proxy's machine only.
  return isIPv6(ipv6) && !ipv6.includes('%') ? ipaddr.process(ipv6).toString() : null;
}

function* elementsFromRight(text: string): Generator<string> {
  let end = text.length;
  let at = end - 1;
  while (at >= 0) {
    if (text[at] === '"') {
      at = openingQuote(text, at);
    } else if (text[at] === ',') {
      yield text.slice(at + 1, end);
      end = at;
    }
    at--;
  }
  yield text.slice(0, end);
}

/** Returns where the string that ends with a quote begins; -1 when it begins nowhere. */
function openingQuote(text: string, closing: number): number {
  for (let at = closing - 1; at >= 0; at--) {
    if (text[at] !== '"') continue;
    let before = at;
    while (text[before - 1] === '\\') before--;
    // After an odd number of backslashes it is part of the string.
    if ((at - before) % 2 === 0) return at;
  }
  return -1;
}

/** Returns the pairs of one element with their names in lower case; null when it is malformed. */
function pairsOf(element: string): [name: string, value: string][] | null {
  const pair = /[ \t]*(?:([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]+)))?[ \t]*(?:;|$)/y;
  const pairs: [string, string][] = [];
  while (pair.lastIndex < element.length) {
    const match = pair.exec(element);
    if (!match) return null;
    const [, name, quoted, plain = ''] = match;
    if (name !== undefined) pairs.push([name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain]);
  }
  return pairs;
}
