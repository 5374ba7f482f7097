import type { Config } from '../config/config.ts';
import type { Snapshot } from '../metrics/metrics.ts';

/** From the supervisor to a worker. */
export type Order = { kind: 'serve'; worker: number; config: Config } | { kind: 'count'; question: number };

/** From a worker to the supervisor. */
export type Report =
  | { kind: 'listening' }
  /** It cannot start; `reason` is a sentence for people. */
  | { kind: 'failed'; reason: string }
  | { kind: 'counted'; question: number; snapshot: Snapshot };
