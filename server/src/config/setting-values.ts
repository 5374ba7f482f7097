import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { isLoopback } from './loopback.ts';

const mostWorkers = 64;

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/*
 * Each takes a setting's text and returns what it means, or throws an Error that goes on where the setting's name ends.
 */

/** Decimal digits only. */
export function integer(from: number, to: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^\d{1,16}$/.test(value) || number < from || number > to) {
      throw new Error(`must be a whole number from ${from} to ${to}, not "${value}"`);
    }
    return number;
  };
}

/** Returns how many processes. */
export function parseWorkers(value: string): number {
  if (value === 'auto') return Math.min(availableParallelism(), mostWorkers);
  if (!/^\d{1,2}$/.test(value) || Number(value) < 1 || Number(value) > mostWorkers) {
    throw new Error(`must be a whole number from 1 to ${mostWorkers}, or auto, not "${value}"`);
  }
  return Number(value);
}

export function oneOf<T extends string>(...values: T[]): (value: string) => T {
  return (value) => {
    if (!values.includes(value as T)) throw new Error(`must be one of ${values.join(', ')}, not "${value}"`);
    return value as T;
  };
}

/** Returns what is in the file, without the line's end. */
export function readSecretFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch (error) {
    throw new Error(`names a file that cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Returns an origin: https, or http on loopback. */
export function parsePublicUrl(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new Error(`must look like https://api.example.com, not "${value}"`);
  }
  if (url.pathname !== '/' || url.search || url.hash || url.username) {
    throw new Error('must be an origin: scheme, host and port, nothing after them');
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new Error(
      'must be https, since browsers drop the sign-in cookie over plain http; see docs/behind-a-proxy.md for TLS in three lines',
    );
  }
  return url.origin;
}

/** Exact origins: a pattern, a path or plain http would let in pages that nobody meant. */
export function parseOrigins(value: string): string[] {
  return value.split(',').map((item) => {
    const origin = item.trim();
    const url = URL.canParse(origin) ? new URL(origin) : null;
    const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
    if (!isSafe || url?.origin !== origin || url.hostname.includes('*')) {
      throw new Error(
        `must list origins as browsers send them, such as https://app.example.com (http only on loopback), not "${origin}"`,
      );
    }
    return origin;
  });
}
