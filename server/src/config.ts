import { readFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { type DatabaseAddress, parseDatabaseUrl } from './database/database-url.ts';
import {
  type ClientIpHeader,
  clientIpHeaders,
  type ProxySettings,
  parseTrustedProxies,
} from './edge/trusted-proxies.ts';
import { defaultRates, parseRate, type Rates } from './limits/limit.ts';
import { parseSender, parseSmtpUrl, type Sender, type SmtpServer } from './mail/smtp-url.ts';

export interface Config {
  host: string;
  port: number;
  database: DatabaseAddress;
  /** Processes that serve; 1: the one that was started. */
  workers: number;
  /** Most connections of each process to PostgreSQL. */
  databaseConnections: number;
  /** Absolute path. */
  dataDirectory: string;
  /** Origin without a trailing slash, such as `https://api.example.com`. */
  publicUrl: string;
  /** `null`: made and kept in the data folder. */
  secret: string | null;
  previousSecret: string | null;
  signup: 'open' | 'closed';
  /** `null`: mails are written to the data folder. */
  smtp: SmtpServer | null;
  mailFrom: Sender;
  maxDocumentBytes: number;
  accountQuotaBytes: number;
  maxDocumentsPerAccount: number;
  rates: Rates;
  /** Days that events and usage are kept. */
  eventRetentionDays: number;
  /** Days that events keep the addresses and user agents they came from. */
  addressRetentionDays: number;
  /** Origins whose pages may call the API, each as a browser writes it in `Origin`. */
  allowedOrigins: readonly string[];
  /** Which peers are believed about who asked them, and in which header. */
  proxies: ProxySettings;
  /** How long a process that is told to stop goes on answering while it is not ready any more. */
  drainSeconds: number;
  /** `null`: no metrics. */
  metricsPort: number | null;
  logLevel: LogLevel;
}

const defaultConnections = 10;
const mostWorkers = 64;

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

interface Setting {
  name: string;
  /** As the README's table shows it. */
  defaultText: string;
  about: string;
}

/** Every setting, in the README's order. `_FILE` beside a secret names a file that holds it. */
export const settings: readonly Setting[] = [
  { name: 'HOST', defaultText: '`127.0.0.1`', about: 'Address to listen on.' },
  { name: 'PORT', defaultText: '`8080`', about: 'Port to listen on; `0` picks a free one.' },
  {
    name: 'INKSONG_PUBLIC_URL',
    defaultText: '`http://localhost:PORT`',
    about:
      'The origin people reach it at. Must be https unless it is loopback. Required on PostgreSQL, and when `HOST` is not loopback.',
  },
  {
    name: 'INKSONG_TRUSTED_PROXIES',
    defaultText: 'none',
    about:
      'Addresses and CIDRs of your own proxies, separated by commas: the client’s address is what they say it is. See docs/behind-a-proxy.md.',
  },
  {
    name: 'INKSONG_CLIENT_IP_HEADER',
    defaultText: '`x-forwarded-for`',
    about: 'The one header in which trusted proxies say it: `x-forwarded-for`, or `forwarded` (RFC 7239).',
  },
  { name: 'INKSONG_DATA_DIR', defaultText: '`./data`', about: 'Folder of the database and the generated secret.' },
  {
    name: 'DATABASE_URL',
    defaultText: '`inksong.db` in the data folder',
    about:
      'The SQLite file, as a path or a `file:` URL; or `postgres://user:password@host/database?sslmode=verify-full`, see docs/postgresql.md. Or `DATABASE_URL_FILE`.',
  },
  {
    name: 'INKSONG_DATABASE_CONNECTIONS',
    defaultText: '`10`',
    about: 'Most connections of one process to PostgreSQL; a fifth of them only read credentials.',
  },
  {
    name: 'INKSONG_WORKERS',
    defaultText: '`1`',
    about:
      'Processes that serve together on this machine, up to 64, or `auto`: one for each core. More than one needs PostgreSQL. See docs/several-nodes.md.',
  },
  {
    name: 'INKSONG_SECRET',
    defaultText: 'made in the data folder',
    about:
      'At least 32 bytes; access tokens are signed with a key derived from it. Required on PostgreSQL, the same on every node. Or `INKSONG_SECRET_FILE`.',
  },
  {
    name: 'INKSONG_SECRET_PREVIOUS',
    defaultText: 'none',
    about:
      'The secret before the last change: its access tokens stay valid until they expire. Or `INKSONG_SECRET_PREVIOUS_FILE`.',
  },
  {
    name: 'INKSONG_SIGNUP',
    defaultText: '`open` on loopback',
    about:
      '`open`, or `closed`: only links from `inksong accounts create` sign up. Must be set when `HOST` is not loopback.',
  },
  {
    name: 'INKSONG_SMTP_URL',
    defaultText: 'none',
    about:
      'The mail server, such as `smtp://user:password@mail.example.com:587` or `smtps://…`; sign-up is then confirmed by mail. Without it each mail is a file in the data folder’s `outbox/`. Or `INKSONG_SMTP_URL_FILE`.',
  },
  {
    name: 'INKSONG_MAIL_FROM',
    defaultText: 'none',
    about: 'Who mails come from, such as `Inksong <inksong@example.com>`. Required with `INKSONG_SMTP_URL`.',
  },
  { name: 'INKSONG_MAX_DOCUMENT_BYTES', defaultText: '`26214400`', about: 'Largest document (25 MiB).' },
  {
    name: 'INKSONG_ACCOUNT_QUOTA_BYTES',
    defaultText: '`1073741824`',
    about: 'Bytes of documents an account may hold (1 GiB).',
  },
  {
    name: 'INKSONG_MAX_DOCUMENTS_PER_ACCOUNT',
    defaultText: '`100000`',
    about: 'Number of documents an account may hold.',
  },
  {
    name: 'INKSONG_RATE_LIMIT_AUTH',
    defaultText: '`10/min`',
    about: 'Sign-ups and proofs of a password from one address; also `/s`, `/hour`, or `off`. See docs/limits.md.',
  },
  { name: 'INKSONG_RATE_LIMIT_REFRESH', defaultText: '`60/min`', about: 'Refreshes from one address.' },
  {
    name: 'INKSONG_RATE_LIMIT_API',
    defaultText: '`1000/min`',
    about: 'Requests of one account to one process.',
  },
  {
    name: 'INKSONG_EVENT_RETENTION_DAYS',
    defaultText: '`365`',
    about: 'Days that the audit log and the usage counts are kept.',
  },
  {
    name: 'INKSONG_ADDRESS_RETENTION_DAYS',
    defaultText: '`30`',
    about:
      'Days that addresses are kept: in the audit log (user agents too), of tries with rotated keys, and of sign-ins. Where keys were used from is kept as long, but at most 30 days.',
  },
  {
    name: 'INKSONG_ALLOWED_ORIGINS',
    defaultText: 'none',
    about:
      'Origins of web apps, such as `https://app.example.com`, separated by commas: their pages may call the API and use the sign-in cookie.',
  },
  {
    name: 'INKSONG_DRAIN_SECONDS',
    defaultText: '`0`',
    about:
      'How long a process that gets SIGTERM goes on answering after `/readyz` has turned 503. Behind a balancer: longer than it needs to notice, such as 5.',
  },
  {
    name: 'INKSONG_METRICS_PORT',
    defaultText: 'off',
    about: 'Port of a second listener on `HOST` that answers `/metrics` to Prometheus. Keep it from the public.',
  },
  { name: 'LOG_LEVEL', defaultText: '`info`', about: `One of ${logLevels.map((level) => `\`${level}\``).join(', ')}.` },
];

/** All that is wrong with the configuration, a sentence each. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.faults = faults;
  }
}

/** Returns the environment with what a `.env` file in `directory` adds; the environment itself wins. */
export function readEnvironment(environment: NodeJS.ProcessEnv, directory: string): NodeJS.ProcessEnv {
  try {
    return { ...parseEnv(readFileSync(join(directory, '.env'), 'utf8')), ...environment };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return environment;
    throw new ConfigError([`The .env file cannot be read: ${(error as Error).message}.`]);
  }
}

/** Reads the settings. Throws ConfigError naming every fault at once; a misspelt INKSONG_ name is one. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const faults: string[] = [];
  const text = (name: string): string | undefined => environment[name] || undefined;
  const read = <T>(name: string, fallback: T, parse: (value: string) => T, value = text(name)): T => {
    if (value === undefined) return fallback;
    try {
      return parse(value);
    } catch (error) {
      faults.push(`${name} ${(error as Error).message}.`);
      return fallback;
    }
  };
  const textOrFile = (name: string): string | undefined => {
    const file = text(`${name}_FILE`);
    if (file !== undefined && text(name) !== undefined) faults.push(`${name} and ${name}_FILE are both set; keep one.`);
    return file === undefined ? text(name) : read(`${name}_FILE`, undefined, readSecretFile);
  };
  const secret = (name: string): string | null => {
    const value = textOrFile(name);
    if (value === undefined) return null;
    if (Buffer.byteLength(value) < minimumSecretBytes) {
      faults.push(`${name} is shorter than ${minimumSecretBytes} bytes; make one with: openssl rand -base64 32.`);
    }
    return value;
  };

  for (const name of Object.keys(environment)) {
    if (name.startsWith('INKSONG_') && !isKnown(name, environment[name] ?? '')) faults.push(unknownSetting(name));
  }

  const host = text('HOST') ?? '127.0.0.1';
  const port = read('PORT', 8080, integer(0, 65535));
  const dataDirectory = resolve(text('INKSONG_DATA_DIR') ?? './data');
  const publicUrl = read('INKSONG_PUBLIC_URL', null, parsePublicUrl);
  const signup = read('INKSONG_SIGNUP', null, oneOf('open', 'closed'));
  if (!isLoopback(host)) {
    if (text('INKSONG_PUBLIC_URL') === undefined)
      faults.push(`INKSONG_PUBLIC_URL must be set, since HOST ${host} is not loopback.`);
    if (text('INKSONG_SIGNUP') === undefined)
      faults.push(`INKSONG_SIGNUP must be set to open or closed, since HOST ${host} is not loopback.`);
  }
  const smtpUrl = textOrFile('INKSONG_SMTP_URL');
  if (smtpUrl !== undefined && text('INKSONG_MAIL_FROM') === undefined)
    faults.push('INKSONG_MAIL_FROM must be set, since INKSONG_SMTP_URL is.');
  const sqlite: DatabaseAddress = { engine: 'sqlite', path: join(dataDirectory, 'inksong.db') };
  const databaseUrl = textOrFile('DATABASE_URL');
  const database = read('DATABASE_URL', sqlite, parseDatabaseUrl, databaseUrl);
  const workers = read('INKSONG_WORKERS', 1, parseWorkers);
  const sharedSecret = secret('INKSONG_SECRET');
  if (database.engine === 'postgres') {
    // Several nodes share a database, and must agree on both.
    if (sharedSecret === null)
      faults.push(
        'INKSONG_SECRET must be set on PostgreSQL, the same on every node; make one with: openssl rand -base64 32.',
      );
    if (text('INKSONG_PUBLIC_URL') === undefined && isLoopback(host))
      faults.push('INKSONG_PUBLIC_URL must be set on PostgreSQL, the same on every node.');
  } else if (workers > 1 || text('INKSONG_WORKERS') === 'auto') {
    faults.push(
      'INKSONG_WORKERS must be 1 on SQLite: one process at a time writes to its file, so several would only wait for each other. Set DATABASE_URL to a PostgreSQL for more.',
    );
  }
  const config: Config = {
    host,
    port,
    database,
    workers,
    databaseConnections: read('INKSONG_DATABASE_CONNECTIONS', defaultConnections, integer(2, 1000)),
    dataDirectory,
    publicUrl: publicUrl ?? defaultPublicUrl(host, port),
    secret: sharedSecret,
    previousSecret: secret('INKSONG_SECRET_PREVIOUS'),
    signup: signup ?? 'open',
    smtp: read('INKSONG_SMTP_URL', null, parseSmtpUrl, smtpUrl),
    mailFrom: read('INKSONG_MAIL_FROM', { name: 'Inksong', address: 'inksong@localhost' }, parseSender),
    maxDocumentBytes: read('INKSONG_MAX_DOCUMENT_BYTES', 25 * 1024 * 1024, integer(1, 1024 ** 3)),
    accountQuotaBytes: read('INKSONG_ACCOUNT_QUOTA_BYTES', 1024 ** 3, integer(1, 1024 ** 5)),
    maxDocumentsPerAccount: read('INKSONG_MAX_DOCUMENTS_PER_ACCOUNT', 100_000, integer(1, 1_000_000_000)),
    rates: {
      auth: read('INKSONG_RATE_LIMIT_AUTH', defaultRates.auth, parseRate),
      refresh: read('INKSONG_RATE_LIMIT_REFRESH', defaultRates.refresh, parseRate),
      api: read('INKSONG_RATE_LIMIT_API', defaultRates.api, parseRate),
    },
    eventRetentionDays: read('INKSONG_EVENT_RETENTION_DAYS', 365, integer(1, 3650)),
    addressRetentionDays: read('INKSONG_ADDRESS_RETENTION_DAYS', 30, integer(1, 3650)),
    allowedOrigins: read('INKSONG_ALLOWED_ORIGINS', [], parseOrigins),
    proxies: {
      trusted: read('INKSONG_TRUSTED_PROXIES', [], parseTrustedProxies),
      header: read<ClientIpHeader>('INKSONG_CLIENT_IP_HEADER', 'x-forwarded-for', oneOf(...clientIpHeaders)),
    },
    drainSeconds: read('INKSONG_DRAIN_SECONDS', 0, integer(0, 300)),
    metricsPort: read('INKSONG_METRICS_PORT', null, integer(1, 65535)),
    logLevel: read('LOG_LEVEL', 'info', oneOf(...logLevels)),
  };
  if (config.metricsPort === port) faults.push('INKSONG_METRICS_PORT must not be PORT, which everybody may reach.');
  if (faults.length > 0) throw new ConfigError(faults);
  return config;
}

/** `localhost` answers for 127.0.0.1 and ::1, but for no other loopback address. */
export function defaultPublicUrl(host: string, port: number): string {
  const isLocalhost = host === '127.0.0.1' || host === '::1' || host === '[::1]' || isIP(host) === 0;
  return `http://${isLocalhost ? 'localhost' : host}:${port}`;
}

export const minimumSecretBytes = 32;

/** What Docker and Kubernetes set for each service that a container can reach. */
const serviceLink =
  /^INKSONG_([A-Z0-9_]+_)?(PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?|SERVICE_(HOST|PORT(_[A-Z0-9_]+)?))$/;

function isKnown(name: string, value: string): boolean {
  if (settings.some((setting) => setting.name === name)) return true;
  if (['INKSONG_SECRET_FILE', 'INKSONG_SECRET_PREVIOUS_FILE', 'INKSONG_SMTP_URL_FILE'].includes(name)) return true;
  // For integrators' own programs.
  if (name === 'INKSONG_API_KEY') return true;
  // Its own and its siblings': INKSONG_DB_SERVICE_HOST is of a service that is called inksong-db.
  return serviceLink.test(name) || (/^INKSONG_([A-Z0-9_]+_)?PORT$/.test(name) && /^(tcp|udp):\/\//.test(value));
}

function unknownSetting(name: string): string {
  const near = settings.find((setting) => setting.name.includes(name.slice(8)) || name.includes(setting.name));
  return `${name} is not a setting of this version${near ? `; did you mean ${near.name}?` : '.'}`;
}

function integer(from: number, to: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^\d{1,16}$/.test(value) || number < from || number > to) {
      throw new Error(`must be a whole number from ${from} to ${to}, not "${value}"`);
    }
    return number;
  };
}

function parseWorkers(value: string): number {
  if (value === 'auto') return Math.min(availableParallelism(), mostWorkers);
  if (!/^\d{1,2}$/.test(value) || Number(value) < 1 || Number(value) > mostWorkers) {
    throw new Error(`must be a whole number from 1 to ${mostWorkers}, or auto, not "${value}"`);
  }
  return Number(value);
}

function oneOf<T extends string>(...values: T[]): (value: string) => T {
  return (value) => {
    if (!values.includes(value as T)) throw new Error(`must be one of ${values.join(', ')}, not "${value}"`);
    return value as T;
  };
}

function readSecretFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch (error) {
    throw new Error(`names a file that cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function parsePublicUrl(value: string): string {
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
function parseOrigins(value: string): string[] {
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

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Tells whether a host name or address is this machine itself. */
export function isLoopback(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(address);
  if (family === 0) return address === 'localhost' || address.endsWith('.localhost');
  return loopback.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
