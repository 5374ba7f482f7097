import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, minimumSecretBytes } from './config/config.ts';

/**
 * Returns the secret kept in the data folder, making it (32 random bytes, mode 0600) on first use.
 * It appears whole or not at all, and two processes that start together agree on one.
 */
export function loadOrCreateSecret(dataDirectory: string): string {
  const path = join(dataDirectory, 'secret');
  try {
    return readSecret(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  const file = openSync(draft, 'wx', 0o600);
  writeSync(file, `${randomBytes(32).toString('base64url')}\n`);
  fsyncSync(file);
  closeSync(file);
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
  return readSecret(path);
}

/** Throws when the file holds less than a secret: whoever emptied it could otherwise sign tokens with nothing. */
export function readSecret(path: string): string {
  const secret = readFileSync(path, 'utf8').trimEnd();
  if (Buffer.byteLength(secret) >= minimumSecretBytes) return secret;
  throw new ConfigError([
    `${path} holds less than ${minimumSecretBytes} bytes; remove it to have a new one made, which ends nothing but the access tokens of the moment.`,
  ]);
}
