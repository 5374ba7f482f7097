import { setImmediate } from 'node:timers/promises';

/** Rows that a chore changes in one transaction: few enough that the database is soon free again. */
export const sliceRows = 500;

/**
 * Does a chore's work slice by slice, with others' requests between, until a slice comes back short or `stop` is aborted.
 * @param doSlice changes at most so many rows in one transaction, and returns how many it did
 */
export async function inSlices(
  doSlice: (rows: number) => Promise<number | bigint>,
  stop: AbortSignal | undefined,
): Promise<void> {
  while (!stop?.aborted && (await doSlice(sliceRows)) >= sliceRows) await setImmediate();
}
