import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import pg from 'pg';
import { type Cluster, startCluster } from '../../test/postgres-cluster.ts';
import { type SpawnedServer, spawnServer } from '../../test/spawn-server.ts';
import { administer, urlOf } from '../../test/test-database.ts';
import type { Engine, Run } from './experiment.ts';

type Row = Record<string, unknown>;

/** Looks into the database past the server. */
export interface DatabaseReader {
  engine: Engine;
  /** Returns the rows of a query; `?` stands for each value. */
  read(sql: string, ...values: SQLInputValue[]): Promise<Row[]>;
}

/** A database, and the nodes that stand on it. */
export interface Installation extends DatabaseReader {
  folder: string;
  /** With which a program finds its database. */
  settings: Record<string, string>;
  /** Null on SQLite. */
  cluster: Cluster | null;
  /** The database's clock in milliseconds since 1970, as an SQL expression. */
  now: string;
  change(sql: string, ...values: SQLInputValue[]): Promise<void>;
  /** Starts one more node; resolves when it is ready. */
  startNode(environment?: Record<string, string>): Promise<SpawnedServer>;
}

/** Makes an empty installation that is gone when the run is over, in a new folder unless one is given. */
export async function createInstallation(
  run: Run,
  environment: Record<string, string> = {},
  folder = temporaryFolder(run),
): Promise<Installation> {
  const database = run.engine === 'sqlite' ? openFile(run, folder) : await startPostgres(run);
  return {
    ...database,
    folder,
    startNode: (more = {}) =>
      spawnServer(run, folder, {
        LOG_LEVEL: 'error',
        // Access tokens are bound to the public URL, which is the same for all nodes and after every start.
        INKSONG_PUBLIC_URL: 'http://localhost',
        ...database.settings,
        ...environment,
        ...more,
      }),
  };
}

type StartedDatabase = Omit<Installation, 'folder' | 'startNode'>;

/** The file is opened when it is first looked into: until then it need not be there. */
function openFile(run: Run, folder: string): StartedDatabase {
  const path = join(folder, 'inksong.db');
  let file: DatabaseSync | null = null;
  const opened = (): DatabaseSync => {
    if (file === null) {
      const opening = new DatabaseSync(path, { timeout: 5_000 });
      run.after(() => opening.close());
      file = opening;
    }
    return file;
  };
  return {
    engine: 'sqlite',
    cluster: null,
    settings: { DATABASE_URL: path },
    now: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    read: async (sql, ...values) =>
      opened()
        .prepare(sql)
        .all(...values),
    change: async (sql, ...values) =>
      void opened()
        .prepare(sql)
        .run(...values),
  };
}

/** A cluster of its own that keeps its promises too, unlike the test suite's. */
async function startPostgres(run: Run): Promise<StartedDatabase> {
  const cluster = await startCluster({ fsync: 'on', full_page_writes: 'on' });
  run.after(() => cluster.remove());
  await administer(cluster.url, 'CREATE DATABASE inksong TEMPLATE template0');
  const url = urlOf(cluster.url, 'inksong');
  // A connection each time: the cluster may have been down in between.
  const read: Installation['read'] = async (sql, ...values) => {
    const { hostname, port, username, password } = new URL(url);
    const client = new pg.Client({ host: hostname, port: Number(port), user: username, password, database: 'inksong' });
    await client.connect();
    try {
      let place = 0;
      return (
        await client.query(
          sql.replace(/\?/g, () => `$${++place}`),
          values,
        )
      ).rows;
    } finally {
      await client.end();
    }
  };
  return {
    engine: 'postgres',
    cluster,
    settings: { DATABASE_URL: url, INKSONG_SECRET: 'a secret for fault runs that is long enough' },
    now: 'CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)',
    read,
    change: async (sql, ...values) => void (await read(sql, ...values)),
  };
}

/** Returns an empty folder that is gone when the run is over. */
function temporaryFolder(run: Pick<Run, 'after'>): string {
  const folder = mkdtempSync(join(tmpdir(), 'inksong-faults-'));
  run.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
