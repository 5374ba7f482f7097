import { AggregatorRegistry, Counter, Gauge, Registry } from 'prom-client';
import type { Metrics, Snapshot } from './metrics.ts';

/** The metrics of several processes as one. */
export interface WorkerMetrics extends Pick<Metrics, 'contentType' | 'text'> {
  /** Counts a worker that ended, and keeps what it had counted until it was asked last: no count ever falls. */
  noteEnd(worker: number): void;
}

/**
 * Counts are added up; of delays the worst is told. What a worker counted since it was asked last is lost when it ends.
 * @param ask asks all workers that can answer for what they have counted, by their number
 */
export function createWorkerMetrics(ask: () => Promise<Map<number, Snapshot>>): WorkerMetrics {
  const own = new Registry();
  const registers = [own];
  const running = new Gauge({ name: 'inksong_workers', help: 'Workers that answered this scrape.', registers });
  const ends = new Counter({
    name: 'inksong_worker_ends_total',
    help: 'Workers that ended and were replaced.',
    registers,
  });
  const latest = new Map<number, Snapshot>();
  /** What those that ended had counted. */
  let ended: Promise<Snapshot> = Promise.resolve([]);

  return {
    contentType: own.contentType,
    async text() {
      const answers = await ask();
      for (const [worker, snapshot] of answers) latest.set(worker, snapshot);
      running.set(answers.size);
      return merge([await own.getMetricsAsJSON(), await ended, ...latest.values()]).metrics();
    },
    noteEnd(worker) {
      ends.inc();
      const counted = (latest.get(worker) ?? []).filter(({ type }) => counts.has(String(type)));
      latest.delete(worker);
      ended = ended.then((before) => merge([before, counted]).getMetricsAsJSON());
    },
  };
}

const counts = new Set(['counter', 'histogram']);

function merge(snapshots: Snapshot[]): Registry {
  // The library takes the mean of percentiles, in which one worker that stands still would not be seen among many.
  const told = snapshots.map((snapshot) =>
    snapshot.map((metric) => (String(metric.aggregator) === 'average' ? { ...metric, aggregator: 'max' } : metric)),
  );
  return AggregatorRegistry.aggregate(told);
}
