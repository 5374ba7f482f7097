import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../server/src/free-port.ts';

/**
 * For every program but the product, which sees to it itself: nobody is to be larger or slower to start because his types
 * are stripped anew. A folder of their own, since they run under other flags.
 */
export const compileCache = { NODE_COMPILE_CACHE: join(import.meta.dirname, '../node_modules/.cache/bench') };

export interface ServerProgram {
  /** Names its log file too. */
  name: string;
  /** What Node is to run, with its arguments. */
  program: readonly string[];
  environment: Readonly<Record<string, string>>;
  /** A request, and the status by which it tells that it is up. */
  probe: { path: string; headers: Record<string, string>; status: number };
}

/** As resources.js tells them, of all processes of a server. */
interface Resources {
  /** Of all its threads, in user and kernel mode, since it was started. */
  cpuMicroseconds: number;
  residentBytes: number;
  /** The most that was ever resident. */
  peakBytes: number;
  /** Statements that read credentials, where it was told to count them. */
  credentialReads: number;
}

export interface ServerProcess {
  port: number;
  /** From its spawning to the first answer that its probe waits for. */
  readyAfterMs: number;
  resources(): Promise<Resources>;
  /** Empties its log file: a run answers millions of requests, and the disk is bounded. */
  emptyLog(): void;
  stop(): Promise<void>;
}

const startLimitMs = 60_000;
const stopLimitMs = 5_000;
const preload = join(import.meta.dirname, 'resources.js');
const exitLines = 20;

/** Starts a server on a free loopback port, its log in a file of `folder`. Throws, with its last words, when it does not get ready. */
export async function startServer(
  { name, program, environment, probe }: ServerProgram,
  folder: string,
): Promise<ServerProcess> {
  const port = await freePort('127.0.0.1');
  const log = openSync(join(folder, `${name}.log`), 'a');
  const startedMs = performance.now();
  const child = spawn(process.execPath, ['--import', preload, ...program], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOST: '127.0.0.1',
      PORT: String(port),
      ...environment,
    },
    stdio: ['ignore', log, 'pipe', 'ipc'],
  });
  const words: string[] = [];
  child.stderr?.on('data', (bytes) => {
    words.push(String(bytes));
    words.splice(0, words.length - exitLines);
  });
  const exited = once(child, 'exit');

  const stop = async (): Promise<void> => {
    const patience = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
    child.kill('SIGTERM');
    await exited;
    clearTimeout(patience);
    closeSync(log);
  };

  const isUp = async (): Promise<boolean> => {
    const answer = await fetch(`http://127.0.0.1:${port}${probe.path}`, { headers: probe.headers });
    await answer.arrayBuffer();
    return answer.status === probe.status;
  };
  while (!(await isUp().catch(() => false))) {
    const isOver = child.exitCode !== null || child.signalCode !== null;
    if (!isOver && performance.now() - startedMs < startLimitMs) {
      await delay(5);
      continue;
    }
    if (!isOver) child.kill('SIGKILL');
    throw new Error(`${name} did not get ready:\n${words.join('')}`);
  }
  return {
    port,
    readyAfterMs: performance.now() - startedMs,
    async resources() {
      const answer = once(child, 'message');
      child.send('resources');
      const ended = exited.then(() => {
        throw new Error(`${name} ended while it was measured:\n${words.join('')}`);
      });
      const [resources] = (await Promise.race([answer, ended])) as [Resources];
      return resources;
    },
    emptyLog: () => ftruncateSync(log, 0),
    stop,
  };
}
