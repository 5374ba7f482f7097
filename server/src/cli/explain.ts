import { AppError } from '../app-error.ts';
import { type Config, ConfigError } from '../config/config.ts';
import { describeAddress } from '../database/database-url.ts';
import { CliError } from './cli-error.ts';
import { explainPostgres } from './explain-postgres.ts';

interface SystemError extends Error {
  code?: string;
  syscall?: string;
  path?: string;
  address?: string;
  port?: number;
  errcode?: number;
}

/**
 * Returns what went wrong as a sentence that says what to do; a configuration with several faults gets a line each.
 *
 * @param config null when it could not be read
 */
export function explain(error: unknown, config: Config | null): string {
  if (error instanceof CliError) return error.message;
  if (error instanceof ConfigError) {
    return ['Inksong cannot use its configuration:', ...error.faults.map((fault) => `- ${fault}`)].join('\n');
  }
  if (error instanceof AppError) return explainRefusal(error, config);
  const cause = error as SystemError;
  if (config?.database.engine === 'postgres') {
    const explained = explainPostgres(cause, config.database);
    if (explained !== null) return explained;
  }
  return (
    explainListening(cause, config) ??
    explainDatabase(cause, config) ??
    explainFile(cause, config) ??
    explainOther(error)
  );
}

function explainRefusal(error: AppError, config: Config | null): string {
  if (error.cause !== undefined) return explain(error.cause, config);
  if (error.detail !== undefined) return error.detail;
  if (error.errors) return error.errors.map(({ pointer, detail }) => `${pointer.slice(1)}: ${detail}`).join(' ');
  return error.code === 'email_taken' ? 'This e-mail address has an account already.' : `Refused: ${error.code}.`;
}

function explainListening({ code, syscall, port, address }: SystemError, config: Config | null): string | null {
  const host = address ?? config?.host ?? '';
  if (syscall === 'getaddrinfo') return `HOST ${config?.host} is not a name that this machine can resolve.`;
  // A worker has its supervisor bind the port.
  if (syscall !== 'listen' && syscall !== 'bind') return null;
  const shownPort = port ?? config?.port ?? 0;
  const setting = config !== null && shownPort === config.metricsPort ? 'INKSONG_METRICS_PORT' : 'PORT';
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${shownPort} on ${host} is in use; set ${setting} to another one.`;
    case 'EACCES':
    case 'EPERM':
      return `Port ${shownPort} on ${host} is not allowed for this user; set ${setting} to 1024 or above.`;
    case 'EADDRNOTAVAIL':
      return `HOST ${host} is not an address of this machine.`;
    default:
      return `Inksong cannot listen on ${host}:${shownPort} (${code}).`;
  }
}

/** By SQLite's primary result code; https://sqlite.org/rescode.html. */
function explainDatabase({ code, errcode, message }: SystemError, config: Config | null): string | null {
  if (code !== 'ERR_SQLITE_ERROR' || errcode === undefined) return null;
  const file = config ? describeAddress(config.database) : 'The database';
  switch (errcode & 0xff) {
    case 5:
    case 6:
      return `${file} is locked by another program; try again when that has finished.`;
    case 8:
      return `${file} cannot be written: it or its folder is read-only for this user.`;
    case 11:
      return `${file} is damaged; restore a backup of it.`;
    case 13:
      return `The disk of ${file} is full.`;
    case 14:
      return `${file} cannot be opened; check that it is a file and that this user may write it and its folder.`;
    case 26:
      return `${file} is not a SQLite database; point DATABASE_URL elsewhere, or restore a backup.`;
    default:
      return `The database refused (${oneLine(message)}).`;
  }
}

function explainFile({ code, path, syscall }: SystemError, config: Config | null): string | null {
  if (code === undefined || syscall === undefined || path === undefined) return null;
  const folder = config?.dataDirectory;
  const place = folder !== undefined && path.startsWith(folder) ? `The data folder ${folder}` : path;
  switch (code) {
    case 'EEXIST':
    case 'ENOTDIR':
      return `${place} cannot be used: something on its path is a file where a folder is needed.`;
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return path.endsWith('secret')
        ? `${path} cannot be read or written by this user (${code}).`
        : `${place} cannot be written by this user (${code}).`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `The disk of ${path} is full.`;
    case 'ENOENT':
      return `${path} does not exist and cannot be made.`;
    default:
      return `${place} cannot be used (${code}).`;
  }
}

/** Errors of our own say what to do; the language's tell of a mistake in Inksong. */
function explainOther(error: unknown): string {
  if (!(error instanceof Error)) return `Inksong failed: ${String(error)}`;
  const isMistake = error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
  return isMistake ? `Inksong failed, which is a bug: ${oneLine(error.message)}` : oneLine(error.message);
}

function oneLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
