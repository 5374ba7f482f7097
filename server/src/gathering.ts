/** Gathers in memory what no request should wait to have written. A crash loses what came since the last flush. */
export interface Gathering<T> {
  /** Adds to what is held under `key`. Returns false, having added nothing, when that would be one key too many. */
  add(key: string, entry: T): boolean;
  has(key: string): boolean;
  /** Saves what is held. Throws what saving threw; what it did not save is kept for the next flush. */
  flush(): Promise<void>;
}

export interface GatheringOptions<T> {
  /** Most keys held; memory is bounded by it. */
  maxKeys: number;
  merge(earlier: T, later: T): T;
  /** Writes some entries: all of them, or it throws and none. */
  save(entries: T[]): Promise<void>;
}

/** Entries saved at once: few enough that the database is soon free again. */
const sliceLength = 500;

export function createGathering<T>({ maxKeys, merge, save }: GatheringOptions<T>): Gathering<T> {
  let held = new Map<string, T>();
  return {
    add(key, entry) {
      const earlier = held.get(key);
      if (earlier === undefined && held.size >= maxKeys) return false;
      held.set(key, earlier === undefined ? entry : merge(earlier, entry));
      return true;
    },
    has: (key) => held.has(key),
    async flush() {
      const saving = [...held];
      held = new Map();
      for (let from = 0; from < saving.length; from += sliceLength) {
        try {
          await save(saving.slice(from, from + sliceLength).map(([, entry]) => entry));
        } catch (error) {
          for (const [key, entry] of saving.slice(from)) {
            const later = held.get(key);
            held.set(key, later === undefined ? entry : merge(entry, later));
          }
          throw error;
        }
      }
    },
  };
}
