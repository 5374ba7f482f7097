import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { LoadResult, LoadTask } from './load.ts';

export interface LoadGenerator {
  /** Throws when a connection ended without an answer. One task at a time. */
  run(task: LoadTask): Promise<LoadResult>;
  stop(): Promise<void>;
}

export function startLoadGenerator(): LoadGenerator {
  const child = fork(join(import.meta.dirname, 'load-process.ts'));
  const exited = once(child, 'exit');
  return {
    async run(task) {
      const answered = once(child, 'message');
      child.send(task);
      const ended = exited.then(() => {
        throw new Error('The load generator ended before its time.');
      });
      const [{ result, fault }] = await Promise.race([answered, ended]);
      if (fault !== undefined) throw new Error(fault);
      return result;
    },
    async stop() {
      child.disconnect();
      await exited;
    },
  };
}
