import pino, { type Logger } from 'pino';
import type { LogLevel } from './config.ts';

export interface Log {
  log: Logger;
  /** Writes out what is still in memory; call last. */
  flush(): void;
}

/** What the rooms write to. */
export type EventLog = Pick<Logger, 'info' | 'warn'>;

/** For what has nobody to tell. */
export const silentLog: EventLog = { info: () => {}, warn: () => {} };

const optionsOf = (level: LogLevel) => ({
  level,
  base: null,
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label: string) => ({ level: label }) },
});

/** Returns the log: JSON lines on standard output, or readable ones when that is a terminal. */
export async function createLog(level: LogLevel): Promise<Log> {
  const options = optionsOf(level);
  if (process.stdout.isTTY) {
    // Only people wait for it to load.
    const { default: pretty } = await import('pino-pretty');
    const stream = pretty({
      colorize: true,
      ignore: 'route,address,account_id',
      translateTime: 'SYS:HH:MM:ss',
      sync: true,
    });
    return { log: pino(options, stream), flush: () => {} };
  }
  const destination = pino.destination({ sync: false, minLength: 4096, periodicFlush: 200 });
  return {
    log: pino(options, destination),
    flush() {
      try {
        destination.flushSync();
      } catch {
        // Whoever read the log has gone.
      }
    },
  };
}

/**
 * Returns the log of a command, whose standard output is its answer: JSON lines on standard error, for whatever collects
 * the server's; nothing when that is a terminal, where whoever did it reads the answer.
 */
export function createCommandLog(level: LogLevel): EventLog {
  return process.stderr.isTTY ? silentLog : pino(optionsOf(level), pino.destination({ fd: 2, sync: true }));
}
