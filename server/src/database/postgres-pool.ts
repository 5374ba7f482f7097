import pg from 'pg';
import type { PostgresAddress } from './database-url.ts';
import { PostgresClient } from './postgres-client.ts';
import type { PostgresDoubt } from './postgres-doubt.ts';
import { translatePostgresError, unavailable } from './postgres-errors.ts';

/** Longest wait for a connection, in line for one of those there are or for a new one, milliseconds. */
const connectionPatienceMs = 3_000;
/** Longest line; whoever comes then is told at once to come back. Each keeps a request in memory, an upload's with 256 KiB. */
export const longestConnectionLine = 256;
/** Idle connections are kept this long. */
const idleMs = 60_000;

/** Connections to one server: at most so many, first come first served. */
export class PostgresPool {
  readonly #pool: pg.Pool;
  readonly #idle = new Set<pg.PoolClient>();

  readonly #doubt: PostgresDoubt;

  /**
   * @param connections how many there are at most; they are made as they are needed
   * @param doubt of the server, begun here when there is no connection in time
   */
  constructor(address: PostgresAddress, connections: number, doubt: PostgresDoubt) {
    this.#doubt = doubt;
    this.#pool = new pg.Pool({
      Client: class extends PostgresClient {
        constructor() {
          super(address);
        }
      },
      max: connections,
      connectionTimeoutMillis: connectionPatienceMs,
      idleTimeoutMillis: idleMs,
    });
    // The pool has thrown the connection away already; whoever asks next gets another.
    this.#pool.on('error', () => {});
    this.#pool.on('acquire', (client) => this.#idle.delete(client));
    this.#pool.on('release', (_error, client) => this.#idle.add(client));
    this.#pool.on('remove', (client) => this.#idle.delete(client));
    // One that is lost between two statements of a transaction says so to nobody else; the next statement fails.
    this.#pool.on('connect', (client) => client.on('error', () => {}));
  }

  /** Takes a connection. Throws AppError `unavailable` when there is none in time, the server is silent, or the line is too long. */
  async take(): Promise<pg.PoolClient> {
    await this.#doubt.pass();
    if (this.#pool.waitingCount >= longestConnectionLine) {
      throw unavailable(new Error(`${longestConnectionLine} statements wait for a database connection already.`));
    }
    const taking = this.#pool.connect();
    const patience = setTimeout(() => this.#doubt.begin(), connectionPatienceMs);
    try {
      const client = await this.#doubt.unlessSilent(taking);
      // It may have taken the place of one that fell silent, and be no better: PgBouncer greets for a silent server.
      await this.#doubt.pass();
      return client;
    } catch (error) {
      // Whoever was told that the server is silent takes it no more.
      taking.then((client) => client.release()).catch(() => {});
      throw translatePostgresError(error);
    } finally {
      clearTimeout(patience);
    }
  }

  /** Throws away the connections that nobody is using: where one fell silent, the others may lead nowhere too. */
  distrustIdle(): void {
    for (const client of [...this.#idle]) {
      // To the pool, an error of an idle connection is the end of it.
      client.emit('error', new Error('Another connection fell silent.'));
      if (client instanceof PostgresClient) client.cut();
    }
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}
