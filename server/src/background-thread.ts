import { getCompileCacheDir } from 'node:module';
import { basename, dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import pLimit from 'p-limit';

export interface BackgroundThread<Question, Answer> {
  /** Rejects when the thread cannot start, ends before its answer, or takes too long; the next question gets another one. */
  ask(question: Question): Promise<Answer>;
}

/** How long an answer may take, and what the question is rejected with after that. */
interface AnswerLimit {
  ms: number;
  late(): Error;
}

/**
 * A thread for work that would hold requests up, started when it is first asked something. It is asked one thing at a
 * time, and keeps no process from ending while it is asked nothing.
 * @param module what it runs: posts one message when it has started, and from then on one for each that it gets
 * @param limit does not count the start of the thread, which a busy machine draws out
 */
export function createBackgroundThread<Question, Answer>(
  module: URL,
  limit?: AnswerLimit,
): BackgroundThread<Question, Answer> {
  /** Nothing in an answer says which question it is for. */
  const oneAtATime = pLimit(1);
  let running: Promise<Worker> | null = null;
  const ended = (): Error => new Error(`The thread of ${basename(module.pathname)} ended.`);

  /** Resolves when the thread has said that it started. Whatever ends it, the next question starts another. */
  const start = (): Promise<Worker> => {
    const worker = new Worker(module, { env: environment() });
    const started = new Promise<Worker>((resolve, reject) => {
      worker.once('message', () => resolve(worker));
      worker.once('error', reject).once('exit', () => reject(ended()));
    });
    const forget = (): void => {
      if (running === started) running = null;
    };
    worker.on('error', forget).on('exit', forget);
    return started;
  };

  const answerTo = async (question: Question): Promise<Answer> => {
    running ??= start();
    const worker = await running;
    return new Promise<Answer>((resolve, reject) => {
      const giveUp = ({ late }: AnswerLimit): void => {
        failed(late());
        // Forgotten at once: until it has ended, the next question would be put to it in vain.
        running = null;
        void worker.terminate();
      };
      const timer = limit && setTimeout(giveUp, limit.ms, limit);
      const settle = (): void => {
        clearTimeout(timer);
        worker.off('message', answered).off('error', failed).off('exit', exited);
        worker.unref();
      };
      const answered = (answer: Answer): void => {
        settle();
        resolve(answer);
      };
      const failed = (error: unknown): void => {
        settle();
        reject(error);
      };
      const exited = (): void => failed(ended());
      worker.on('message', answered).on('error', failed).on('exit', exited);
      worker.ref();
      worker.postMessage(question);
    });
  };
  return { ask: (question) => oneAtATime(() => answerTo(question)) };
}

/** Threads inherit the compile cache only by the environment; to strip types anew takes each 20 MB and half of its start. */
function environment(): NodeJS.ProcessEnv {
  const cache = getCompileCacheDir();
  // What is told is the folder of these flags and this version, within the one that was set.
  return cache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(cache) };
}
