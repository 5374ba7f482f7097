import type { Logger } from 'pino';

export interface StopReason {
  name: string;
  exitCode: 0 | 1;
  /** Whether balancers may first notice: not when somebody waits at a terminal, nor after an error. */
  mayWait: boolean;
}

/**
 * Resolves with the first reason to stop: a signal, or an error that nobody caught. Later signals change nothing: npm
 * passes on one that its child has already got from the terminal.
 */
export function stopReason(log: Pick<Logger, 'fatal'>): Promise<StopReason> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => resolve({ name: signal, exitCode: 0, mayWait: signal === 'SIGTERM' }));
    }
    // Unhandled rejections arrive here too. The process's state is unknown after one: it finishes what it can, and
    // whoever restarts it starts from what is on disk.
    process.on('uncaughtException', (error: unknown, origin) => {
      log.fatal({ err: error instanceof Error ? error : new Error(String(error)) }, 'unexpected error');
      resolve({ name: origin, exitCode: 1, mayWait: false });
    });
  });
}
