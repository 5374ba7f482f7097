import { assertMigrated } from '../database/migrate.ts';
import type { Order, Report } from './message.ts';
import type { Role } from './role.ts';

/** Returns what a worker does in its own way: the supervisor has migrated, greets, and tells the metrics of all. */
export function roleOf(worker: number): Role {
  return {
    worker,
    prepare: assertMigrated,
    announce: () => report({ kind: 'listening' }),
    async startMetrics(passwords, { metricsPort }) {
      if (metricsPort === null) return async () => {};
      const { createMetrics } = await import('../metrics/metrics.ts');
      const metrics = createMetrics(passwords);
      const answer = async (order: Order): Promise<void> => {
        if (order.kind !== 'count') return;
        report({ kind: 'counted', question: order.question, snapshot: await metrics.snapshot() });
      };
      process.on('message', answer);
      return async () => {
        process.off('message', answer);
        metrics.stop();
      };
    },
  };
}

/** A supervisor that has gone is told by the end of this process, not by an error here. */
function report(report: Report): void {
  process.send?.(report, undefined, undefined, () => {});
}
