import type { Clock } from '../clock.ts';

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

/** Gathers last uses in memory, so that verifying a credential never writes. A crash loses the last few seconds of them. */
export function createLastUses(clock: Clock, save: (uses: LastUse[]) => Promise<void>): LastUses {
  let noted = new Map<string, LastUse>();
  return {
    note(id, address) {
      noted.set(id, { id, at: clock.now(), address });
    },
    async flush() {
      if (noted.size === 0) return;
      const saving = noted;
      noted = new Map();
      try {
        await save([...saving.values()]);
      } catch (error) {
        noted = new Map([...saving, ...noted]);
        throw error;
      }
    },
  };
}
