import { checkServerIdentity } from 'node:tls';
import pg from 'pg';
import type { PostgresAddress } from './database-url.ts';
import { translatePostgresError, unavailable } from './postgres-errors.ts';

/** Longest wait for a connection, in line for one of those there are or for a new one, milliseconds. */
const connectionPatienceMs = 4_000;
/** Longest line; whoever comes then is told at once to come back. Each keeps a request in memory, an upload's with 256 KiB. */
export const longestConnectionLine = 256;
/** Idle connections are kept this long. */
const idleMs = 60_000;

const int8 = 20;
const numeric = 1700;

/** Connections to one server: at most so many, first come first served. */
export class PostgresPool {
  readonly #pool: pg.Pool;
  readonly #idle = new Set<pg.PoolClient>();

  /** @param connections how many there are at most; they are made as they are needed */
  constructor({ host, port, database, user, password, tls }: PostgresAddress, connections: number) {
    this.#pool = new pg.Pool({
      host,
      port,
      database,
      user,
      // A function, so that no PGPASSWORD or .pgpass of whoever starts the server steps in for an absent one.
      password: () => password ?? '',
      ssl: tls !== null && {
        ...(tls.ca !== null && { ca: tls.ca }),
        rejectUnauthorized: true,
        // Also where the host is an IP address.
        checkServerIdentity: (_host, certificate) => checkServerIdentity(host, certificate),
      },
      application_name: 'inksong',
      max: connections,
      connectionTimeoutMillis: connectionPatienceMs,
      idleTimeoutMillis: idleMs,
      keepAlive: true,
      types: { getTypeParser },
    });
    // The pool has thrown the connection away already; whoever asks next gets another.
    this.#pool.on('error', () => {});
    this.#pool.on('acquire', (client) => this.#idle.delete(client));
    this.#pool.on('release', (_error, client) => this.#idle.add(client));
    this.#pool.on('remove', (client) => this.#idle.delete(client));
    // One that is lost between two statements of a transaction says so to nobody else; the next statement fails.
    this.#pool.on('connect', (client) => client.on('error', () => {}));
  }

  /** Takes a connection. Throws AppError `unavailable` when there is none in time, or the line is too long. */
  async take(): Promise<pg.PoolClient> {
    if (this.#pool.waitingCount >= longestConnectionLine) {
      throw unavailable(new Error(`${longestConnectionLine} statements wait for a database connection already.`));
    }
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw translatePostgresError(error);
    }
  }

  /** Throws away the connections that nobody is using: where one fell silent, the others may lead nowhere too. */
  distrustIdle(): void {
    // To the pool, an error of an idle connection is the end of it.
    for (const client of [...this.#idle]) client.emit('error', new Error('Another connection fell silent.'));
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}

/** Every number of the schema, and every sum and count of them, is one that JavaScript holds exactly. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (text: string) => unknown {
  return oid === int8 || oid === numeric ? Number : pg.types.getTypeParser(oid, format);
}
