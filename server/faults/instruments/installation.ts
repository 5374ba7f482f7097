import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { type SpawnedServer, spawnServer } from '../../test/spawn-server.ts';
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
  /** The database's clock in milliseconds since 1970, as an SQL expression. */
  now: string;
  change(sql: string, ...values: SQLInputValue[]): Promise<void>;
  /** Starts one more node; resolves when it is ready. */
  startNode(environment?: Record<string, string>): Promise<SpawnedServer>;
}

/** Makes an empty installation that is gone when the run is over. */
export async function createInstallation(run: Run, environment: Record<string, string> = {}): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), 'inksong-faults-'));
  run.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'inksong.db');
  let file: DatabaseSync | null = null;
  const opened = (): DatabaseSync => {
    if (file === null) {
      file = new DatabaseSync(path, { timeout: 5_000 });
      const closed = file;
      run.after(() => closed.close());
    }
    return file;
  };
  return {
    engine: run.engine,
    folder,
    now: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    read: async (sql, ...values) =>
      opened()
        .prepare(sql)
        .all(...values),
    change: async (sql, ...values) =>
      void opened()
        .prepare(sql)
        .run(...values),
    startNode: (more = {}) =>
      spawnServer(run, folder, {
        LOG_LEVEL: 'error',
        // Access tokens are bound to the public URL, which is the same for all nodes and after every start.
        INKSONG_PUBLIC_URL: 'http://localhost',
        ...environment,
        ...more,
      }),
  };
}
