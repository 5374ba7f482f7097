import pino, { type Logger } from 'pino';
import { isoTime } from './clock.ts';
import type { LogLevel } from './config/setting-values.ts';
import { createLogDestination } from './log-destination.ts';

export interface Log {
  log: Logger;
  /** Writes out what is still in memory; call last. */
  flush(): void;
}

/** What the rooms write to. */
export type EventLog = Pick<Logger, 'info' | 'warn'>;

/** For what has nobody to tell. */
export const silentLog: EventLog = { info: () => {}, warn: () => {} };

const optionsOf = (level: LogLevel, worker: number | null = null) => ({
  level,
  base: worker === null ? null : { worker },
  timestamp: () => `,"time":"${isoTime(Date.now())}"`,
  formatters: { level: (label: string) => ({ level: label }) },
});

/** What a pipe takes from several writers without mixing it: PIPE_BUF, see pipe(7). */
const wholeWriteBytes = 4096;
const severalWritesBytes = 64 * 1024;

/**
 * Returns the log: JSON lines on standard output, or readable ones when that is a terminal.
 * @param worker its number, which every line then has; null when this process serves alone
 */
export async function createLog(level: LogLevel, worker: number | null = null): Promise<Log> {
  const options = optionsOf(level, worker);
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
  // Where others write too, a line comes out in one piece with those around it or not at all.
  const destination = createLogDestination(1, worker === null ? severalWritesBytes : wholeWriteBytes);
  return { log: pino(options, destination), flush: () => destination.flushSync() };
}

/**
 * Returns the log of a command, whose standard output is its answer: JSON lines on standard error, for whatever collects
 * the server's; nothing when that is a terminal, where whoever did it reads the answer.
 */
export function createCommandLog(level: LogLevel): EventLog {
  return process.stderr.isTTY ? silentLog : pino(optionsOf(level), pino.destination({ fd: 2, sync: true }));
}
