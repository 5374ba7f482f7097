import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { endWithThisProcess } from '../../test/spawn-server.ts';
import type { Run } from './experiment.ts';

export interface Strace {
  /** Lets go of the traced process, which must not be ending, and completes the trace. */
  detach(): Promise<void>;
  /** Lets go of a process that may be ending: strace would wait for ever for the threads of one that is. */
  abandon(): Promise<void>;
}

/** Attaches strace to every thread of a process; it is in force when this resolves and gone when the run is over. */
export async function attachStrace(run: Pick<Run, 'after'>, pid: number, words: readonly string[]): Promise<Strace> {
  const strace = spawn('strace', ['-f', ...words, '-p', String(pid)], { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(strace, 'exit');
  endWithThisProcess(strace);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (strace.exitCode === null && strace.signalCode === null) strace.kill(signal);
    await exited;
  };
  run.after(() => end('SIGKILL'));

  const said: string[] = [];
  const attached = new Promise<true>((resolve) => {
    createInterface({ input: strace.stderr }).on('line', (line) => {
      said.push(line);
      if (/Process \d+ attached/.test(line)) resolve(true);
    });
  });
  if ((await Promise.race([attached, exited])) !== true) throw new Error(`strace did not attach: ${said.join('\n')}`);
  return { detach: () => end('SIGINT'), abandon: () => end('SIGKILL') };
}
