import type { Principal } from '../auth/principal.ts';
import { dayMs, isoDate } from '../clock.ts';

type Scheme = Principal['scheme'];

const outcomes = ['success', 'refused', 'failed'] as const;
export type Outcome = (typeof outcomes)[number];

/** Requests of one day, by scheme and outcome. */
export interface UsageDay extends Record<Scheme, Record<Outcome, number>> {
  /** `2026-01-31`, UTC. */
  day: string;
}

/** So many requests of an account that fall into one cell of the chart. */
export interface UsageCount {
  accountId: string;
  day: string;
  scheme: Scheme;
  outcome: Outcome;
  count: number;
}

/** Returns how a request with this HTTP status ended: 2xx and 3xx, 4xx, 5xx. */
export function outcomeOf(status: number): Outcome {
  if (status < 400) return 'success';
  return status < 500 ? 'refused' : 'failed';
}

/** Returns the UTC day of a time in milliseconds since 1970, so many days earlier. */
export function utcDay(ms: number, daysEarlier = 0): string {
  return isoDate(ms - daysEarlier * dayMs);
}

/** Returns the `days` days up to that of `nowMs`, oldest first, those without a request included. */
export function chartOf(counts: readonly Omit<UsageCount, 'accountId'>[], nowMs: number, days: number): UsageDay[] {
  const none = () => ({ success: 0, refused: 0, failed: 0 });
  const chart = Array.from({ length: days }, (_, index) => ({
    day: utcDay(nowMs, days - 1 - index),
    api_key: none(),
    bearer: none(),
  }));
  const byDay = new Map(chart.map((each) => [each.day, each]));
  for (const { day, scheme, outcome, count } of counts) {
    const cells = byDay.get(day)?.[scheme];
    if (cells) cells[outcome] += count;
  }
  return chart;
}
