import { join } from 'node:path';
import type { LoadRequest } from './load/load.ts';
import { accountId, apiKey, publicUrl, secret } from './seed.ts';
import type { ServerProgram } from './server-process.ts';

const serverProgram = join(import.meta.dirname, '../server/bin/inksong.js');
export const listPath = '/api/v1/documents/';

/** Returns the settings of every Inksong here: as it comes, but for limits that are counted and never reached. */
export function inksongSettings(dataDirectory: string, databaseUrl?: string): Record<string, string> {
  return {
    INKSONG_DATA_DIR: dataDirectory,
    INKSONG_PUBLIC_URL: publicUrl,
    INKSONG_SECRET: secret,
    INKSONG_RATE_LIMIT_API: '999999999/hour',
    // The shared one, which is counted in the database, would let ten logins a minute through.
    INKSONG_RATE_LIMIT_AUTH: 'off',
    ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
  };
}

/** The product itself, as `npm start` runs it. */
export function inksong(name: string, settings: Record<string, string>): ServerProgram {
  const probe = { path: listPath, headers: keyHeaders(0), status: 200 };
  return { name, program: [serverProgram, 'serve'], environment: settings, probe };
}

/** The account is what only subjects without a guard look at; it is sent to all, so that all read as much. */
export function keyHeaders(caller: number): Record<string, string> {
  return { 'X-API-Key': apiKey(caller), 'X-Bench-Account': accountId(caller) };
}

export function bearerHeaders(token: string, caller: number): Record<string, string> {
  return { Authorization: `Bearer ${token}`, 'X-Bench-Account': accountId(caller) };
}

export function get(path: string, headers: Record<string, string>): LoadRequest {
  return { method: 'GET', path, headers };
}
