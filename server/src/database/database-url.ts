import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';

export interface SqliteAddress {
  engine: 'sqlite';
  /** Absolute path of the file. */
  path: string;
}

export interface PostgresAddress {
  engine: 'postgres';
  /** A name, an IP address without brackets, or the folder of a Unix socket. */
  host: string;
  port: number;
  database: string;
  user: string;
  password: string | null;
  /** `null`: no TLS. Otherwise the server must prove that it is `host`, to `ca` or, when that is `null`, to Node's own list. */
  tls: { ca: string | null } | null;
}

/** Where everything is stored. */
export type DatabaseAddress = SqliteAddress | PostgresAddress;

const options = ['host', 'port', 'user', 'sslmode', 'sslrootcert'];

/** Reads a DATABASE_URL. Throws an Error that ends the sentence "DATABASE_URL …" and tells nothing of a password. */
export function parseDatabaseUrl(value: string): DatabaseAddress {
  if (/^postgres(ql)?:/i.test(value)) return parsePostgresUrl(value);
  if (/^(?!file:)[a-z][a-z0-9+.-]+:/i.test(value)) {
    throw new Error('must be the path of a SQLite file, a file: URL, or a postgres:// URL');
  }
  const path = value.startsWith('file:') ? value.slice('file:'.length).replace(/^\/\/(?=\/)/, '') : value;
  return { engine: 'sqlite', path: resolve(path) };
}

/** Returns where a database is, for people to read: without the password. */
export function describeAddress(address: DatabaseAddress): string {
  if (address.engine === 'sqlite') return address.path;
  const { host, port, database, user } = address;
  if (isSocketFolder(host)) return `${database} on the socket in ${host} (port ${port}) as ${user}`;
  return `${database} on ${isIP(host) === 6 ? `[${host}]` : host}:${port} as ${user}`;
}

function parsePostgresUrl(value: string): PostgresAddress {
  // The URL itself is never repeated: it holds a password.
  if (!URL.canParse(value)) {
    throw new Error('must look like postgres://user:password@host:5432/database; percent-encode what is special in it');
  }
  const url = new URL(value);
  const parameters = url.searchParams;
  for (const name of parameters.keys()) {
    if (!options.includes(name)) throw new Error(`has an option ${name}; known are ${options.join(', ')}`);
  }
  const host = parameters.get('host') ?? decoded(url.hostname).replace(/^\[(.*)\]$/, '$1');
  const user = parameters.get('user') ?? decoded(url.username);
  const database = decoded(url.pathname.slice(1));
  const port = Number(parameters.get('port') ?? (url.port || 5432));
  if (host === '') throw new Error('names no host; that of a Unix socket is ?host=/run/postgresql');
  if (host.includes(',')) throw new Error('must name one host: a proxy or DNS name that always leads to the primary');
  if (user === '') throw new Error('names no user');
  if (database === '' || database.includes('/')) throw new Error('must name one database after the host');
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error('must have a port from 1 to 65535');
  const password = url.password === '' ? null : decoded(url.password);
  const tls = parseTls(parameters.get('sslmode'), parameters.get('sslrootcert'), host);
  return { engine: 'postgres', host, port, database, user, password, tls };
}

/** The modes between the two encrypt without knowing for whom: an attacker in the middle is let in all the same. */
function parseTls(mode: string | null, rootCertificate: string | null, host: string): PostgresAddress['tls'] {
  if (mode === 'verify-full') {
    if (isSocketFolder(host)) throw new Error('asks for sslmode=verify-full on a Unix socket, which has no TLS');
    return { ca: rootCertificate === null || rootCertificate === 'system' ? null : readCertificate(rootCertificate) };
  }
  if (rootCertificate !== null) throw new Error('has an sslrootcert, which only sslmode=verify-full looks at');
  if (mode === 'disable' || (mode === null && isThisMachine(host))) return null;
  const choices =
    'sslmode=verify-full (with sslrootcert=FILE for a CA of your own), or sslmode=disable on a network that nobody else is on';
  if (mode === null) throw new Error(`must say how ${host} is reached: ${choices}`);
  throw new Error(`has sslmode=${mode}, which does not protect against who can read it on the way: use ${choices}`);
}

function readCertificate(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`names an sslrootcert that cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function isSocketFolder(host: string): boolean {
  return host.startsWith('/');
}

function isThisMachine(host: string): boolean {
  return isSocketFolder(host) || host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error('holds a % that begins no percent-encoded character; write %25 for it');
  }
}
