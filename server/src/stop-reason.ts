import type { Logger } from 'pino';

export interface StopReason {
  name: string;
  exitCode: 0 | 1;
}

/**
 * Resolves with the first reason to stop: a signal, or an error that nobody caught. Later signals change nothing: npm
 * passes on one that its child has already got from the terminal.
 */
export function stopReason(log: Pick<Logger, 'fatal'>): Promise<StopReason> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => resolve({ name: signal, exitCode: 0 }));
    }
    // After such an error the process's state is unknown: it finishes what it can and leaves the rest to whoever restarts it.
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      process.on(event, (error: unknown) => {
        log.fatal({ err: error instanceof Error ? error : new Error(String(error)) }, 'unexpected error');
        resolve({ name: event, exitCode: 1 });
      });
    }
  });
}
