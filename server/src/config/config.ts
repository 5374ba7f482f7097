import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { type DatabaseAddress, parseDatabaseUrl } from '../database/database-url.ts';
import {
  type ClientIpHeader,
  clientIpHeaders,
  type ProxySettings,
  parseTrustedProxies,
} from '../edge/trusted-proxies.ts';
import { defaultRates, parseRate, type Rates } from '../limits/limit.ts';
import { parseSender, parseSmtpUrl, type Sender, type SmtpServer } from '../mail/smtp-url.ts';
import { isLoopback } from './loopback.ts';
import {
  integer,
  type LogLevel,
  logLevels,
  oneOf,
  parseOrigins,
  parsePublicUrl,
  parseWorkers,
  readSecretFile,
} from './setting-values.ts';
import { isKnown, unknownSetting } from './settings.ts';

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
