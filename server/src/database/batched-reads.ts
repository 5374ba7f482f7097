export interface BatchedReadsOptions<Key, Row, Connection> {
  /** Gets hold of a connection and gives it to `send`, which sends one statement. */
  withConnection(send: (connection: Connection) => Promise<void>): Promise<void>;
  /** Reads the rows of some different keys, in any order; a key without a row is absent. */
  read(connection: Connection, keys: readonly Key[]): Promise<Row[]>;
  keyOf(row: Row): Key;
  /** Most keys in one statement. */
  longestBatch: number;
}

interface Batch<Key, Row> {
  readonly keys: Set<Key>;
  readonly rows: Promise<Map<Key, Row>>;
}

/**
 * Returns a function that reads the row of a key, or null. Look-ups that wait for a connection at the same time share one
 * statement; nobody waits in order to share. A look-up joins a batch only while its statement has not been sent, so that
 * it is answered by what was true after it was asked. Throws what reading its batch threw.
 */
export function createBatchedReads<Key, Row, Connection>({
  withConnection,
  read,
  keyOf,
  longestBatch,
}: BatchedReadsOptions<Key, Row, Connection>): (key: Key) => Promise<Row | null> {
  let open: Batch<Key, Row> | null = null;

  function openBatch(): Batch<Key, Row> {
    const keys = new Set<Key>();
    const batch: Batch<Key, Row> = { keys, rows: fetchRows() };
    open = batch;
    return batch;

    async function fetchRows(): Promise<Map<Key, Row>> {
      const rows = new Map<Key, Row>();
      try {
        await withConnection(async (connection) => {
          // From here on it is sent: whoever comes now is in the next one.
          if (open === batch) open = null;
          for (const row of await read(connection, [...keys])) rows.set(keyOf(row), row);
        });
      } finally {
        if (open === batch) open = null;
      }
      return rows;
    }
  }

  return async (key) => {
    const batch = open !== null && open.keys.size < longestBatch ? open : openBatch();
    batch.keys.add(key);
    return (await batch.rows).get(key) ?? null;
  };
}
