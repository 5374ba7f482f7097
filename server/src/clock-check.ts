import type { Clock } from './clock.ts';

/** Half of what access tokens bear between the node that signs and the one that verifies, milliseconds. */
const clockToleranceMs = 30_000;

/**
 * Returns by how many milliseconds this process's clock is certainly ahead of the database's (negative: behind), and 0
 * when they may agree: the answer took some time, and nobody knows when in it the database looked at its clock.
 * @param read asks the database for its time
 */
export async function clockOffsetMs(read: () => Promise<number>, clock: Clock): Promise<number> {
  const before = clock.now();
  const databaseMs = await read();
  const after = clock.now();
  if (databaseMs < Math.min(before, after)) return Math.min(before, after) - databaseMs;
  if (databaseMs > Math.max(before, after)) return Math.max(before, after) - databaseMs;
  return 0;
}

/** Returns what is wrong and what to do, or null when the clocks are close enough. */
export function clockFault(offsetMs: number): string | null {
  if (Math.abs(offsetMs) <= clockToleranceMs) return null;
  const seconds = Math.round(Math.abs(offsetMs) / 1000);
  const direction = offsetMs > 0 ? 'ahead of' : 'behind';
  return `This node's clock is ${seconds} seconds ${direction} the database's; have both set by NTP.`;
}
