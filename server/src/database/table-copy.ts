import { createHash } from 'node:crypto';
import { type Kysely, sql } from '#kysely';
import type { Schema } from './schema.ts';
import { primaryKeys, type TableName, tables } from './table-list.ts';

type Query = Kysely<Schema>;
type Value = null | number | string | Uint8Array;
type Row = Record<string, Value>;

/** What was read of one table. */
export interface CopiedTable {
  table: TableName;
  rows: number;
  /** In the order of the primary key. */
  batches: { firstKey: string; lastKey: string; digest: string }[];
}

/** What stands in the copy is not what was read, or cannot be stored there; the message says where. */
export class CopyError extends Error {
  override name = 'CopyError';
}

/** Rows kept in memory at a time. Both engines order texts by their bytes, so the batches are the same on both. */
const batchRows = 500;
/** 256 KiB each. */
const batchChunks = 16;

/**
 * Copies every row of every table into empty tables of the same schema, on either engine. What `source` reads must not
 * change meanwhile. Returns what was read, for `compareTables`. Throws CopyError.
 */
export async function copyTables(source: Query, target: Query): Promise<CopiedTable[]> {
  const columns = await columnsOf(source);
  const others = await columnsOf(target);
  for (const table of tables) {
    if (columns[table].join() === others[table].join()) continue;
    throw new CopyError(`The two databases differ in the columns of ${table}.`);
  }
  return readTables(source, (table, rows) => insertRows(target, table, columns[table], rows));
}

/**
 * Reads every row of every table, which must not change meanwhile, and passes them on. Returns what was read, for
 * `compareTables`. Throws CopyError.
 */
export async function readTables(
  source: Query,
  pass: (table: TableName, rows: Row[]) => Promise<void> = async () => {},
): Promise<CopiedTable[]> {
  const columns = await columnsOf(source);
  const copied: CopiedTable[] = [];
  for (const table of tables) {
    const read: CopiedTable = { table, rows: 0, batches: [] };
    for await (const rows of batchesOf(source, table, columns[table])) {
      read.rows += rows.length;
      read.batches.push(digestOf(table, columns[table], rows));
      await pass(table, rows);
    }
    await assertCount(source, table, read.rows);
    copied.push(read);
  }
  return copied;
}

/** Reads every row back. Throws CopyError, naming the place, when there are others than those that were read. */
export async function compareTables(copied: readonly CopiedTable[], target: Query): Promise<void> {
  const columns = await columnsOf(target);
  for (const { table, rows, batches } of copied) {
    await assertCount(target, table, rows);
    let index = 0;
    for await (const found of batchesOf(target, table, columns[table])) {
      const wanted = batches[index++];
      if (wanted?.digest === digestOf(table, columns[table], found).digest) continue;
      const place = wanted ? `between ${wanted.firstKey} and ${wanted.lastKey}` : 'at the end';
      throw new CopyError(`The copy is not what was read: table ${table} differs ${place}.`);
    }
  }
}

/** Deletes every row. */
export async function emptyTables(trx: Query): Promise<void> {
  for (const table of tables.toReversed()) await sql`DELETE FROM ${sql.table(table)}`.execute(trx);
}

async function columnsOf(query: Query): Promise<Record<TableName, string[]>> {
  const found = await query.introspection.getTables();
  const columns = tables.map((table) => {
    const names = found.find(({ name }) => name === table)?.columns.map(({ name }) => name);
    return [table, names?.sort() ?? []];
  });
  return Object.fromEntries(columns);
}

/** Reads a table in the order of its primary key, each batch a statement of its own. */
async function* batchesOf(query: Query, table: TableName, columns: string[]): AsyncGenerator<Row[]> {
  const keys = primaryKeys[table];
  const key = sql.join(keys.map((name) => sql.ref(name)));
  const selected = sql`SELECT ${sql.join(columns.map((name) => sql.ref(name)))} FROM ${sql.table(table)}`;
  const size = table === 'content_chunks' ? batchChunks : batchRows;
  const ordered = sql`ORDER BY ${key} LIMIT ${sql.lit(size)}`;
  let last: Row | undefined;
  do {
    const after = last ? sql`WHERE (${key}) > (${sql.join(keys.map((name) => last?.[name]))})` : sql``;
    const { rows } = await sql<Row>`${selected} ${after} ${ordered}`.execute(query);
    if (rows.length > 0) yield rows;
    last = rows.length < size ? undefined : rows.at(-1);
  } while (last);
}

async function insertRows(query: Query, table: TableName, columns: string[], rows: Row[]): Promise<void> {
  const values = rows.map((row) => sql`(${sql.join(columns.map((name) => row[name]))})`);
  const names = sql.join(columns.map((name) => sql.ref(name)));
  await sql`INSERT INTO ${sql.table(table)} (${names}) VALUES ${sql.join(values)}`.execute(query);
}

async function assertCount(query: Query, table: TableName, expected: number): Promise<void> {
  const { rows } = await sql<{ count: number }>`SELECT count(*) AS count FROM ${sql.table(table)}`.execute(query);
  const count = Number(rows[0]?.count);
  if (count !== expected) throw new CopyError(`Of table ${table} ${expected} rows were read, and there are ${count}.`);
}

function digestOf(table: TableName, columns: string[], rows: Row[]): CopiedTable['batches'][number] {
  const hash = createHash('sha256');
  const keyOf = (row: Row | undefined): string => primaryKeys[table].map((name) => row?.[name]).join(' ');
  for (const row of rows) {
    for (const name of columns) {
      const value = row[name] ?? null;
      if (typeof value === 'string' && value.includes('\0')) {
        throw new CopyError(`${name} of ${table} ${keyOf(row)} holds a zero character, which PostgreSQL cannot store.`);
      }
      // With its length before it, so that no two rows look the same.
      const bytes = value instanceof Uint8Array ? value : Buffer.from(String(value));
      hash.update(`${value === null ? 'null' : typeof value} ${bytes.length} `).update(bytes);
    }
  }
  return { firstKey: keyOf(rows[0]), lastKey: keyOf(rows.at(-1)), digest: hash.digest('base64') };
}
