import cluster, { type Worker } from 'node:cluster';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { Snapshot } from '../metrics/metrics.ts';
import type { Order, Report } from './message.ts';

/** A worker that ends is replaced after so long, and after twice as long each time it ends again soon, milliseconds. */
const firstPauseMs = 100;
const longestPauseMs = 30_000;
/** One that has lived so long is replaced as one that never ended before. */
const soundMs = 60_000;
/** A worker that does not answer within this time is left out, milliseconds. */
const answerMs = 2_000;

interface Place {
  worker: Worker | null;
  listens: boolean;
  startedMs: number;
  /** How often in a row it ended soon. */
  ends: number;
  restart: NodeJS.Timeout | undefined;
  /** Why it could not start. */
  reason: string | null;
}

/** The workers of this process. */
export interface Crew {
  /** Resolves when every worker listens. Rejects, with a worker's reason, when as many have failed before any did. */
  readonly started: Promise<void>;
  /** Asks all that can answer for what they have counted, by their number. */
  count(): Promise<Map<number, Snapshot>>;
  /** Passes a signal on; from now on none is replaced. */
  signal(name: NodeJS.Signals): void;
  /** Resolves when none is left: whether all that served ended in order. Those that have not after `limitMs` are killed. */
  ended(limitMs: number): Promise<boolean>;
}

/**
 * Starts so many workers as are configured, which listen together, and replaces each that ends.
 * @param onEnd is told of each that ended unasked
 */
export function startCrew(config: Config, log: Pick<Logger, 'info' | 'error'>, onEnd: (worker: number) => void): Crew {
  cluster.setupPrimary({ exec: join(import.meta.dirname, 'worker.ts'), args: [], serialization: 'advanced' });
  const started = Promise.withResolvers<void>();
  // Whoever stops during the start does not wait for it.
  started.promise.catch(() => {});
  const ended = Promise.withResolvers<void>();
  const answers = new Map<number, (number: number, snapshot: Snapshot) => void>();
  let questions = 0;
  let stopping = false;
  let inOrder = true;
  let haveListened = false;
  let failedStarts = 0;

  const places = new Map<number, Place>();
  for (let number = 1; number <= config.workers; number++) {
    const place: Place = { worker: null, listens: false, startedMs: 0, ends: 0, restart: undefined, reason: null };
    places.set(number, place);
    start(number, place);
  }

  function start(number: number, place: Place): void {
    const worker = cluster.fork();
    Object.assign(place, { worker, listens: false, startedMs: performance.now(), reason: null });
    send(worker, { kind: 'serve', worker: number, config });
    worker.on('message', (report: Report) => {
      switch (report.kind) {
        case 'listening':
          haveListened = true;
          place.listens = true;
          log.info({ worker: number, pid: worker.process.pid }, 'a worker listens');
          if ([...places.values()].every(({ listens }) => listens)) started.resolve();
          break;
        case 'failed':
          place.reason = report.reason;
          break;
        case 'counted':
          answers.get(report.question)?.(number, report.snapshot);
          break;
      }
    });
    worker.on('exit', (code, signal) => onExit(number, place, code, signal));
    // The channel of one that is ending; its exit tells the rest.
    worker.on('error', () => {});
  }

  function onExit(number: number, place: Place, code: number | null, signal: string | null): void {
    const { listens, reason } = place;
    Object.assign(place, { worker: null, listens: false });
    if (stopping) {
      // One that had not begun to serve had nothing to finish.
      if (listens && code !== 0) inOrder = false;
      settleEnd();
      return;
    }
    place.ends = performance.now() - place.startedMs >= soundMs ? 1 : place.ends + 1;
    const pauseMs = Math.min(firstPauseMs * 2 ** (place.ends - 1), longestPauseMs);
    const facts = { worker: number, code, signal, ...(reason !== null && { reason }), restart_in_ms: pauseMs };
    log.error(facts, 'a worker ended and is replaced');
    onEnd(number);
    place.restart = setTimeout(() => start(number, place), pauseMs);
    if (haveListened || ++failedStarts < config.workers) return;
    started.reject(new Error(reason ?? `No worker could start: the last one ended with ${signal ?? code}.`));
  }

  function settleEnd(): void {
    if ([...places.values()].every(({ worker }) => worker === null)) ended.resolve();
  }

  return {
    started: started.promise,

    async count() {
      const question = questions++;
      const counted = new Map<number, Snapshot>();
      const asked = [...places.values()].flatMap(({ worker, listens }) => (worker && listens ? [worker] : []));
      if (asked.length === 0) return counted;
      const all = Promise.withResolvers<void>();
      answers.set(question, (number, snapshot) => {
        counted.set(number, snapshot);
        if (counted.size === asked.length) all.resolve();
      });
      const giveUp = setTimeout(all.resolve, answerMs);
      for (const worker of asked) send(worker, { kind: 'count', question });
      await all.promise;
      clearTimeout(giveUp);
      answers.delete(question);
      return counted;
    },

    signal(name) {
      stopping = true;
      for (const { worker, restart } of places.values()) {
        clearTimeout(restart);
        worker?.process.kill(name);
      }
      settleEnd();
    },

    async ended(limitMs) {
      const giveUp = setTimeout(() => {
        for (const { worker } of places.values()) worker?.process.kill('SIGKILL');
      }, limitMs);
      await ended.promise;
      clearTimeout(giveUp);
      return inOrder;
    },
  };
}

function send(worker: Worker, order: Order): void {
  worker.send(order, undefined, undefined, () => {});
}
