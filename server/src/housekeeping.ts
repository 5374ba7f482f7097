import type { Logger } from 'pino';

export interface Chore {
  name: string;
  everySeconds: number;
  /** `stop` is aborted when the process is stopping: what can be done in parts ends with the one it is at. */
  run(stop?: AbortSignal): Promise<unknown>;
}

/**
 * Runs each chore again and again, its next run starting `everySeconds` after the last one ended.
 * Returns a function that stops them, those that are running too, and resolves when none is running.
 */
export function startHousekeeping(chores: readonly Chore[], log: Pick<Logger, 'warn'>): () => Promise<void> {
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  const timers = new Set<NodeJS.Timeout>();

  const schedule = (chore: Chore): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      const run = runOnce(chore, log, stopping.signal).finally(() => {
        running.delete(run);
        if (!stopping.signal.aborted) schedule(chore);
      });
      running.add(run);
    }, chore.everySeconds * 1000).unref();
    timers.add(timer);
  };
  for (const chore of chores) schedule(chore);

  return async () => {
    stopping.abort();
    for (const timer of timers) clearTimeout(timer);
    await Promise.all(running);
  };
}

/** Runs each chore once. Never throws: one that fails is logged. */
export async function runEach(chores: readonly Chore[], log: Pick<Logger, 'warn'>): Promise<void> {
  await Promise.all(chores.map((chore) => runOnce(chore, log)));
}

async function runOnce({ name, run }: Chore, log: Pick<Logger, 'warn'>, stop?: AbortSignal): Promise<void> {
  try {
    await run(stop);
  } catch (error) {
    log.warn({ err: error, chore: name }, 'a chore failed');
  }
}
