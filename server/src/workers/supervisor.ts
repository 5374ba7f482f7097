import type { Config } from '../config/config.ts';
import { openDatabase } from '../database/database.ts';
import { withKnownPort } from '../free-port.ts';
import { createLog } from '../log.ts';
import { stopReason } from '../stop-reason.ts';
import { endThriftyStart } from '../thrifty-start.ts';
import { type Crew, startCrew } from './crew.ts';
import type { Role } from './role.ts';

/** A worker ends by itself before that, see main.ts, though it first waits for balancers; then it is killed. */
const stopMsOf = ({ drainSeconds }: Config): number => Math.max(9_800, drainSeconds * 1_000 + 5_000);

/**
 * Serves by several processes until SIGINT, SIGTERM or an error that nobody caught: migrates, starts them, replaces each
 * that ends, and has them drain. Returns the exit code: 0 when all of them ended in order. Throws when they cannot start.
 */
export async function supervise(configured: Config, { prepare, announce }: Role): Promise<0 | 1> {
  const { log, flush } = await createLog(configured.logLevel);
  const stopping = stopReason(log);
  const config = await withKnownPort(configured);
  let stopMetrics = async (): Promise<void> => {};
  try {
    const database = openDatabase(config.database, { log });
    try {
      await prepare(database, log);
    } finally {
      await database.close();
    }
    let crew: Crew | null = null;
    // First, since it may not be able to listen.
    const metrics = config.metricsPort === null ? null : await startMetrics(config, () => crew);
    if (metrics !== null) stopMetrics = metrics.stop;
    crew = startCrew(config, log, (worker) => metrics?.noteEnd(worker));
    try {
      await Promise.race([crew.started.then(() => announce(config)), stopping]);
      endThriftyStart();
    } catch (error) {
      crew.signal('SIGTERM');
      await crew.ended(stopMsOf(config));
      throw error;
    }

    const reason = await stopping;
    log.info({ reason: reason.name }, 'stopping all workers');
    // A second Ctrl-C is theirs to judge, as the first.
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => crew.signal(name));
    crew.signal(reason.name === 'SIGINT' ? 'SIGINT' : 'SIGTERM');
    const inOrder = await crew.ended(stopMsOf(config));
    log.info('stopped');
    return inOrder ? reason.exitCode : 1;
  } finally {
    await stopMetrics();
    flush();
  }
}

async function startMetrics({ host, metricsPort }: Config, crew: () => Crew | null) {
  const { createWorkerMetrics } = await import('../metrics/worker-metrics.ts');
  const { listenForScrapes } = await import('../metrics/metrics-listener.ts');
  const metrics = createWorkerMetrics(async () => (await crew()?.count()) ?? new Map());
  return { noteEnd: metrics.noteEnd, stop: await listenForScrapes(metrics, host, metricsPort ?? 0) };
}
