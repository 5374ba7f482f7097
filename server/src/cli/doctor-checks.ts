import { existsSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import { clockFault, clockOffsetMs } from '../clock-check.ts';
import type { Config } from '../config/config.ts';
import { isLoopback } from '../config/loopback.ts';
import { type Database, openDatabase } from '../database/database.ts';
import { describeAddress, type SqliteAddress } from '../database/database-url.ts';
import { assertMigrated } from '../database/migrate.ts';
import { openSqlite } from '../database/sqlite-file.ts';
import { integrityFaultOf } from '../database/whole-file.ts';
import { readSecret } from '../secret.ts';
import { explain } from './explain.ts';

export interface Check {
  name: string;
  ok: boolean;
  /** What was found, and when it is not well, what to do. */
  detail: string;
}

/** Below this an upload or two, or the write-ahead log, can fill the disk. */
const neededFreeBytes = 512 * 1024 * 1024;

/** Looks at everything a running Inksong depends on. Changes nothing and makes nothing. */
export async function checkAll(config: Config): Promise<Check[]> {
  const attempt: Attempt = async (name, look) => {
    try {
      return { name, ok: true, detail: await look() };
    } catch (error) {
      return { name, ok: false, detail: explain(error, config) };
    }
  };
  const checks = [
    await attempt('public URL', () => publicUrlCheck(config)),
    await attempt('proxies', () => proxiesCheck(config)),
    await attempt('data folder', () => dataFolderCheck(config)),
    await attempt('secret', () => secretCheck(config)),
    await attempt('disk', () => diskCheck(config)),
  ];
  const { database } = config;
  if (database.engine === 'postgres') return [...checks, ...(await postgresChecks(attempt, config))];
  const opening = await attempt('database', () => openingCheck(database));
  checks.push(opening);
  // The rest can only be asked of a database that opens.
  if (!opening.ok) return checks;
  checks.push(await attempt('integrity', () => integrityCheck(database)));
  checks.push(await attempt('schema', () => schemaCheck(config)));
  return checks;
}

/** A check that found something: the sentence says what to do. */
class Finding extends Error {}

function publicUrlCheck({ host, port, publicUrl }: Config): string {
  const url = new URL(publicUrl);
  const isLocalUrl = isLoopback(url.hostname);
  if (!isLoopback(host) && isLocalUrl) {
    throw new Finding(
      `HOST ${host} serves other machines, but INKSONG_PUBLIC_URL ${publicUrl} only works on this one.`,
    );
  }
  const urlPort = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  if (isLocalUrl && url.protocol === 'http:' && port !== 0 && urlPort !== port) {
    throw new Finding(`INKSONG_PUBLIC_URL ${publicUrl} names another port than PORT ${port}.`);
  }
  return isLocalUrl ? `${publicUrl}, this machine only` : `${publicUrl}, forwarded to ${host}:${port} by your proxy`;
}

/** Inksong itself speaks no TLS: behind an https address there is always a proxy. */
function proxiesCheck({ publicUrl, proxies: { trusted, header } }: Config): string {
  const { protocol, hostname } = new URL(publicUrl);
  if (trusted.length > 0) return `${trusted.join(', ')} say in ${header} whom they ask for`;
  if (protocol === 'https:' && !isLoopback(hostname)) {
    throw new Finding(
      `A proxy serves ${publicUrl}, but INKSONG_TRUSTED_PROXIES names none: allowlists, limits and logs take every client for the proxy. Set it to the proxy's address as Inksong sees it, such as 127.0.0.1.`,
    );
  }
  return 'none is trusted; whoever connects is the client';
}

function dataFolderCheck({ dataDirectory }: Config): string {
  const stats = statSync(dataDirectory, { throwIfNoEntry: false });
  if (!stats) throw new Finding(`${dataDirectory} does not exist yet; start the server once, or run inksong migrate.`);
  if (!stats.isDirectory()) throw new Finding(`${dataDirectory} is a file; point INKSONG_DATA_DIR at a folder.`);
  return privateMode(dataDirectory, stats.mode, '700');
}

function secretCheck({ dataDirectory, secret }: Config): string {
  if (secret !== null) return 'given by the environment';
  const path = join(dataDirectory, 'secret');
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new Finding(`${path} does not exist yet; start the server once, or set INKSONG_SECRET.`);
  readSecret(path);
  return privateMode(path, stats.mode, '600');
}

function privateMode(path: string, mode: number, wanted: string): string {
  const shown = (mode & 0o777).toString(8);
  if ((mode & 0o077) !== 0)
    throw new Finding(`${path} has mode ${shown}, open to other users: chmod ${wanted} ${path}`);
  return `${path}, mode ${shown}`;
}

function diskCheck({ dataDirectory }: Config): string {
  const { bavail, bsize } = statfsSync(dataDirectory);
  const free = `${Math.floor((bavail * bsize) / 1024 / 1024)} MiB free`;
  if (bavail * bsize < neededFreeBytes) throw new Finding(`Only ${free} in ${dataDirectory}: make room.`);
  return free;
}

type Attempt = (name: string, look: () => string | Promise<string>) => Promise<Check>;

async function postgresChecks(attempt: Attempt, config: Config): Promise<Check[]> {
  const address = config.database;
  const database = openDatabase(address);
  try {
    const server = await attempt('database', async () => {
      const { version } = await database.inspect();
      return `${describeAddress(address)}, ${version}, the primary, UTF8`;
    });
    if (!server.ok) return [server];
    return [
      server,
      await attempt('durability', () => durabilityCheck(database)),
      await attempt('clock', () => clockCheck(database)),
      await attempt('schema', () => schemaCheck(config)),
    ];
  } finally {
    await database.close();
  }
}

async function durabilityCheck(database: Database): Promise<string> {
  const { concerns } = await database.inspect();
  if (concerns.length > 0) throw new Finding(concerns.join(' '));
  return 'fsync, full_page_writes and synchronous_commit are on';
}

async function clockCheck(database: Database): Promise<string> {
  const offsetMs = await clockOffsetMs(() => database.probe(), systemClock);
  const fault = clockFault(offsetMs);
  if (fault !== null) throw new Finding(`${fault} Until then /readyz answers 503.`);
  return `within ${Math.max(1, Math.ceil(Math.abs(offsetMs) / 1000))} s of the database's`;
}

/** Opening reads back what makes commits durable, and refuses a SQLite that can corrupt its log. */
function openingCheck({ path }: SqliteAddress): string {
  if (!existsSync(path)) {
    throw new Finding(`There is no database at ${path} yet; start the server once, or run inksong migrate.`);
  }
  const file = openSqlite(path);
  const version = file.prepare('SELECT sqlite_version() AS version').get()?.version;
  file.close();
  return `${path}, SQLite ${version}, write-ahead log, synchronous FULL, foreign keys on`;
}

function integrityCheck({ path }: SqliteAddress): string {
  const fault = integrityFaultOf(path);
  if (fault !== null) throw new Finding(`${path} is damaged (${fault}): restore a backup.`);
  return 'every page and every reference is sound';
}

async function schemaCheck(config: Config): Promise<string> {
  const database = openDatabase(config.database);
  try {
    await assertMigrated(database);
    return 'up to date';
  } finally {
    await database.close();
  }
}
