import type { Logger } from 'pino';

export interface Chore {
  name: string;
  everySeconds: number;
  run(): Promise<unknown>;
}

/**
 * Runs each chore again and again, its next run starting `everySeconds` after the last one ended.
 * Returns a function that stops them and resolves when none is running.
 */
export function startHousekeeping(chores: readonly Chore[], log: Pick<Logger, 'warn'>): () => Promise<void> {
  let stopped = false;
  const running = new Set<Promise<void>>();
  const timers = new Set<NodeJS.Timeout>();

  const schedule = (chore: Chore): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      const run = runOnce(chore, log).finally(() => {
        running.delete(run);
        if (!stopped) schedule(chore);
      });
      running.add(run);
    }, chore.everySeconds * 1000).unref();
    timers.add(timer);
  };
  for (const chore of chores) schedule(chore);

  return async () => {
    stopped = true;
    for (const timer of timers) clearTimeout(timer);
    await Promise.all(running);
  };
}

/** Runs each chore once. Never throws: one that fails is logged. */
export async function runEach(chores: readonly Chore[], log: Pick<Logger, 'warn'>): Promise<void> {
  await Promise.all(chores.map((chore) => runOnce(chore, log)));
}

async function runOnce({ name, run }: Chore, log: Pick<Logger, 'warn'>): Promise<void> {
  try {
    await run();
  } catch (error) {
    log.warn({ err: error, chore: name }, 'a chore failed');
  }
}
