import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import pg from 'pg';
import { openDatabase } from '../src/database/database.ts';
import { parseDatabaseUrl } from '../src/database/database-url.ts';
import { migrate } from '../src/database/migrate.ts';
import { startCluster } from './postgres-cluster.ts';

/** Which engine the server under test stands on: scripts/test.js runs the suite once for each. */
export const testEngine: 'sqlite' | 'postgres' = process.env.INKSONG_TEST_ENGINE === 'postgres' ? 'postgres' : 'sqlite';

/** What PostgreSQL asks for beside an address; the same on every node. */
const shared = {
  INKSONG_SECRET: 'a secret for tests that is long enough',
  INKSONG_PUBLIC_URL: 'http://localhost:8080',
};

let administrator: Promise<string> | null = null;

/** Returns the URL of a user that may create databases: TEST_DATABASE_URL, or that of a cluster of this process's own. */
function administratorUrl(): Promise<string> {
  administrator ??= process.env.TEST_DATABASE_URL
    ? Promise.resolve(process.env.TEST_DATABASE_URL)
    : startCluster().then(({ url }) => url);
  return administrator;
}

/** Returns the URL of another database on the same server. */
export function urlOf(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = `/${database}`;
  return other.href;
}

/** Runs statements on a connection of its own. */
export async function administer(url: string, ...statements: string[]): Promise<pg.QueryResult> {
  const { host, port, user, password, database } = parseDatabaseUrl(url) as Extract<
    ReturnType<typeof parseDatabaseUrl>,
    { engine: 'postgres' }
  >;
  const client = new pg.Client({ host, port, user, database, password: password ?? '' });
  await client.connect();
  try {
    let result: pg.QueryResult | undefined;
    for (const statement of statements) result = await client.query(statement);
    return result as pg.QueryResult;
  } finally {
    await client.end();
  }
}

const names = new Map<string, string>();

/** The name of the database that belongs to a data folder. */
function nameFor(dataDirectory: string): string {
  return `inksong_test_${createHash('sha256').update(dataDirectory).digest('hex').slice(0, 24)}`;
}

/**
 * Returns the settings with which a server finds the database that belongs to a data folder, and makes that database,
 * migrated or empty, when this is the folder's first server. It is gone when the test ends. On SQLite the folder is all there is to say.
 */
export async function databaseSettings(
  t: Pick<TestContext, 'after'>,
  dataDirectory: string,
  content: 'migrated' | 'empty' = 'migrated',
): Promise<Record<string, string>> {
  if (testEngine === 'sqlite') return {};
  const url = await administratorUrl();
  const name = nameFor(dataDirectory);
  if (!names.has(dataDirectory)) {
    names.set(dataDirectory, name);
    const template = content === 'migrated' ? await templateOn(url) : 'template0';
    await administer(url, `CREATE DATABASE ${name} TEMPLATE ${template}`);
    t.after(async () => {
      names.delete(dataDirectory);
      await administer(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    });
  }
  const address = new URL(urlOf(url, name));
  // The servers under test go through a pooler; making databases does not.
  if (process.env.INKSONG_TEST_POOLER_PORT) address.port = process.env.INKSONG_TEST_POOLER_PORT;
  return { ...shared, DATABASE_URL: address.href };
}

let template: Promise<string> | null = null;

/** Copying a migrated database takes a fraction of migrating one. Its name tells its schema, so that runs may share it. */
function templateOn(url: string): Promise<string> {
  template ??= makeTemplate(url);
  return template;
}

async function makeTemplate(url: string): Promise<string> {
  const source = createHash('sha256');
  for (const folder of ['../src/database', '../src/database/migrations']) {
    for (const entry of readdirSync(join(import.meta.dirname, folder), { withFileTypes: true })) {
      if (entry.isFile()) source.update(readFileSync(join(import.meta.dirname, folder, entry.name)));
    }
  }
  const name = `inksong_template_${source.digest('hex').slice(0, 24)}`;
  const exists = async () =>
    (await administer(url, `SELECT 1 FROM pg_database WHERE datname = '${name}'`)).rows.length > 0;
  if (await exists()) return name;
  const draft = `inksong_draft_${randomBytes(8).toString('hex')}`;
  await administer(url, `CREATE DATABASE ${draft} TEMPLATE template0`);
  const database = openDatabase(parseDatabaseUrl(urlOf(url, draft)));
  try {
    await migrate(database);
  } finally {
    await database.close();
  }
  try {
    await administer(url, `ALTER DATABASE ${draft} RENAME TO ${name}`);
  } catch (error) {
    // Another test file was quicker.
    await administer(url, `DROP DATABASE ${draft}`);
    if (!(await exists())) throw error;
  }
  return name;
}
