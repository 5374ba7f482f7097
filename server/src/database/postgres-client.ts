import { Socket } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import pg from 'pg';
import type { PostgresAddress } from './database-url.ts';

/**
 * Longest that a new connection may take to answer the simplest question, milliseconds: no less than the pool waits for
 * one, or a server that is only slow would be doubted for ever.
 */
const answerWithinMs = 3_000;

const int8 = 20;
const numeric = 1700;

/** A connection to a server, or what becomes one. */
export class PostgresClient extends pg.Client {
  readonly #socket: Socket;

  constructor(address: PostgresAddress, socket = new Socket()) {
    super({ ...settingsOf(address), stream: () => socket });
    this.#socket = socket;
  }

  /** Ends it at once. `end` would leave its socket open until the server has read that it ends. */
  cut(): void {
    this.#socket.destroy();
  }
}

function settingsOf({ host, port, database, user, password, tls }: PostgresAddress): pg.ClientConfig {
  return {
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
    keepAlive: true,
    types: { getTypeParser },
  };
}

/**
 * Tells whether a new connection is answered in time, be it by a refusal. A greeting does not do: PgBouncer gives one for
 * a server that is silent. False when `stop` comes first; nothing is left behind, and nothing of it holds the process up.
 */
export async function isAnswering(address: PostgresAddress, stop: AbortSignal): Promise<boolean> {
  const client = new PostgresClient(address, new Socket().unref());
  client.on('error', () => {});
  const answered = client
    .connect()
    .then(() => client.query('SELECT 1'))
    .then(
      () => true,
      () => true,
    );
  const silent = Promise.withResolvers<false>();
  const giveUp = (): void => silent.resolve(false);
  const timer = setTimeout(giveUp, answerWithinMs).unref();
  stop.addEventListener('abort', giveUp);
  try {
    return await Promise.race([answered, silent.promise]);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', giveUp);
    client.cut();
  }
}

/** Every number of the schema, and every sum and count of them, is one that JavaScript holds exactly. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (text: string) => unknown {
  return oid === int8 || oid === numeric ? Number : pg.types.getTypeParser(oid, format);
}
