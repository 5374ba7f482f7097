/** A change of something that is either in force or not, made by the only one who changes it, one after another. */
export interface Write {
  value: boolean;
  /** Nanoseconds of one clock. */
  sentNs: bigint;
  /** Null when it was never answered: then it may have taken effect, or not. */
  answeredNs: bigint | null;
}

export interface Read {
  value: boolean;
  sentNs: bigint;
  receivedNs: bigint;
}

/**
 * Returns the reads that no order of events explains in which each takes effect at one moment between its sending and its
 * answer, and each read sees the last write before it.
 * @param writes in the order they were sent in; the first gives the initial value
 */
export function unexplainedReads<R extends Read>(writes: readonly Write[], reads: readonly R[]): R[] {
  const unexplained: R[] = [];
  const bySending = reads.toSorted((one, other) => compare(one.sentNs, other.sentNs));
  const byReceipt = reads.toSorted((one, other) => compare(one.receivedNs, other.receivedNs));
  /** The earliest write that each read can have seen. */
  const seen = new Map<R, number>();
  let earlier = 0;
  /** No read from now on may see an older write than this: it was answered, or somebody has seen it. */
  let floor = 0;
  for (const read of bySending) {
    while (earlier < byReceipt.length) {
      const done = byReceipt[earlier] as R;
      if (done.receivedNs >= read.sentNs) break;
      floor = Math.max(floor, seen.get(done) ?? 0);
      earlier += 1;
    }
    let lowest = floor;
    for (let index = lowest; index < writes.length; index++) {
      const { answeredNs } = writes[index] as Write;
      if (answeredNs !== null && answeredNs < read.sentNs) lowest = index;
    }
    let found = -1;
    for (let index = lowest; index < writes.length && found < 0; index++) {
      const write = writes[index] as Write;
      if (write.sentNs >= read.receivedNs) break;
      if (write.value === read.value) found = index;
    }
    if (found < 0) unexplained.push(read);
    else seen.set(read, found);
  }
  return unexplained;
}

const compare = (one: bigint, other: bigint): number => (one < other ? -1 : one > other ? 1 : 0);
