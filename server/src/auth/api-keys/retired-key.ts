/** Who still sends a key that the last rotation, or one before it, has replaced. */
export interface RetiredKeyView {
  /** When the key was last rotated. Milliseconds since 1970, as is last_attempt_at. */
  rotated_at: number;
  /** Refused requests since then that came with any of its former secrets. */
  attempts: number;
  last_attempt_at: number | null;
  last_attempt_ip: string | null;
}

/** How many former secrets of a key are told apart from unknown ones. */
export const keptRetiredKeys = 20;

/** Returns what the former secrets of one key together tell its owner; null when there are none. */
export function summariseRetired(secrets: readonly RetiredKeyView[]): RetiredKeyView | null {
  const [first, ...others] = secrets;
  if (!first) return null;
  return others.reduce((sum, each) => {
    const later = (each.last_attempt_at ?? 0) > (sum.last_attempt_at ?? 0) ? each : sum;
    return {
      rotated_at: Math.max(sum.rotated_at, each.rotated_at),
      attempts: sum.attempts + each.attempts,
      last_attempt_at: later.last_attempt_at,
      last_attempt_ip: later.last_attempt_ip,
    };
  }, first);
}
