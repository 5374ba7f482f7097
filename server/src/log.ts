import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';
import type { LogLevel } from './config.ts';

/** Returns the log: JSON lines on standard output, or readable ones when that is a terminal. */
export function createLog(level: LogLevel): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return process.stdout.isTTY
    ? pino(options, pretty({ colorize: true, ignore: 'route,address,account_id', translateTime: 'SYS:HH:MM:ss' }))
    : pino(options, pino.destination({ sync: false, minLength: 4096, periodicFlush: 200 }));
}
