import type { Clock } from '../clock.ts';
import { createGathering } from '../gathering.ts';

export interface LastUse {
  id: string;
  /** Milliseconds since 1970, by this process's clock. */
  at: number;
  address: string;
}

export interface LastUses {
  note(id: string, address: string): void;
  /** Writes what was noted since the last flush; on failure it is kept for the next. */
  flush(): Promise<void>;
}

/** Always the same order, so that two nodes that save their uses of the same rows never wait for each other's. */
export function inLockOrder(uses: readonly LastUse[]): LastUse[] {
  return uses.toSorted((one, other) => (one.id < other.id ? -1 : 1));
}

const heldUses = 100_000;

/** Gathers last uses in memory, so that verifying a credential never writes. A crash loses the last few seconds of them. */
export function createLastUses(clock: Clock, save: (uses: LastUse[]) => Promise<void>): LastUses {
  const gathered = createGathering<LastUse>({ maxKeys: heldUses, merge: (_earlier, later) => later, save });
  return {
    note: (id, address) => void gathered.add(id, { id, at: clock.now(), address }),
    flush: () => gathered.flush(),
  };
}
