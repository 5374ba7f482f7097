import assert from 'node:assert/strict';

/** What an experiment found wrong, and how much it looked at: a zero says nothing without its n. */
export interface Findings {
  /** An answered change that is not there. */
  lost: string[];
  /** A change that is there in part. */
  half: string[];
  /** Answered operations by kind. */
  acknowledged: Record<string, number>;
  /** Operations that were sent and not answered, by kind. */
  unanswered: Record<string, number>;
}

export function newFindings(): Findings {
  return { lost: [], half: [], acknowledged: {}, unanswered: {} };
}

export function count(counts: Record<string, number>, kind: string): void {
  counts[kind] = (counts[kind] ?? 0) + 1;
}

/** Fails unless an answer has the status that the experiment needs to go on; anything else is a defect of its own. */
export function assertStatus(answer: { status: number; bytes: Buffer }, expected: number, what: string): void {
  assert.equal(answer.status, expected, `${what}: ${answer.bytes.subarray(0, 300)}`);
}

/** Returns a generator of numbers in [0, 1) that gives the same ones for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
