import type { Usage } from '@inksong/client';

type UsageDay = Usage['days'][number];

/** The parts of a bar, from its foot up. */
export const parts = ['key', 'bearer', 'refused', 'failed'] as const;
export type Part = (typeof parts)[number];

/** Requests by what they were: answered well with a key or a Bearer token, refused (4xx), or failed (5xx). */
export type Counts = Record<Part, number> & { total: number };

/** A bar's part: where it starts and how high it is, as shares of the axis. */
interface Segment {
  part: Part;
  from: number;
  height: number;
}

export interface Bar extends Counts {
  /** `2026-01-31`, UTC. */
  day: string;
  segments: Segment[];
}

export interface Chart {
  bars: Bar[];
  /** What the axis is marked with, from 0 to its end. */
  ticks: number[];
  totals: Counts;
}

/** Returns the bars of a chart of these days, in their order. */
export function chartOf(days: readonly UsageDay[]): Chart {
  const counts = days.map((each) => ({ day: each.day, ...countsOf(each) }));
  const ticks = ticksUpTo(Math.max(0, ...counts.map(({ total }) => total)));
  const top = ticks.at(-1) ?? 1;
  const bars = counts.map((each) => ({ ...each, segments: segmentsOf(each, top) }));
  return { bars, ticks, totals: sum(counts) };
}

/** Returns round marks of an axis that holds `most`: 0, and up to four more at the same distance. */
export function ticksUpTo(most: number): number[] {
  const atLeast = Math.max(most, 1) / 4;
  const magnitude = 10 ** Math.floor(Math.log10(atLeast));
  // Requests are whole: an axis has no half ones.
  const step = Math.max(1, ([1, 2, 5, 10].find((each) => each * magnitude >= atLeast) ?? 10) * magnitude);
  const marks = Math.max(1, Math.ceil(most / step));
  return Array.from({ length: marks + 1 }, (_, index) => index * step);
}

function countsOf({ api_key, bearer }: UsageDay): Counts {
  const refused = api_key.refused + bearer.refused;
  const failed = api_key.failed + bearer.failed;
  const total = api_key.success + bearer.success + refused + failed;
  return { key: api_key.success, bearer: bearer.success, refused, failed, total };
}

function segmentsOf(counts: Counts, top: number): Segment[] {
  let from = 0;
  return parts
    .filter((part) => counts[part] > 0)
    .map((part) => {
      const segment = { part, from, height: counts[part] / top };
      from += segment.height;
      return segment;
    });
}

function sum(counts: readonly Counts[]): Counts {
  const totals = { key: 0, bearer: 0, refused: 0, failed: 0, total: 0 };
  for (const each of counts) {
    for (const part of [...parts, 'total'] as const) totals[part] += each[part];
  }
  return totals;
}
