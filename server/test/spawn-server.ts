import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { unlimited } from './boot.ts';
import { databaseSettings } from './test-database.ts';

export interface SpawnedServer {
  /** `http://127.0.0.1:PORT` */
  url: string;
  pid: number;
  /** Milliseconds from the start of the process to its first good answer to /readyz. */
  readyAfterMs: number;
  /** Lines on standard output (the log) and standard error so far. */
  outputLines: string[];
  /** Ends the process with SIGKILL, as a crash would; resolves when it is gone. */
  kill9(): Promise<void>;
  /** Ends the process with SIGTERM. Returns its exit code, null when a signal ended it. */
  stop(): Promise<number | null>;
}

const program = join(import.meta.dirname, '../bin/inksong.js');
const startLimitMs = 20_000;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
// What the test runner sends to a file that takes too long.
process.once('SIGTERM', () => process.exit(143));

/** Ends a child with this process: one that ends early runs no `t.after`. */
export function endWithThisProcess(child: ChildProcess): void {
  running.add(child);
  child.once('exit', () => running.delete(child));
}

/**
 * Starts `inksong serve` as a process of its own on a data folder and a free port and waits until it is ready.
 * It is gone when the test ends. Rejects, with its output, when it does not become ready.
 */
export async function spawnServer(
  t: Pick<TestContext, 'after'>,
  dataDirectory: string,
  environment: Record<string, string> = {},
): Promise<SpawnedServer> {
  const database = await databaseSettings(t, dataDirectory);
  const startedAt = performance.now();
  const child = spawn(process.execPath, [program, 'serve'], {
    cwd: dataDirectory,
    env: {
      ...withoutSettings(process.env),
      ...unlimited,
      ...database,
      INKSONG_DATA_DIR: dataDirectory,
      PORT: '0',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  endWithThisProcess(child);
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const end = (signal: NodeJS.Signals): Promise<number | null> => {
    if (running.has(child)) child.kill(signal);
    return exited;
  };
  t.after(() => end('SIGKILL'));

  const outputLines: string[] = [];
  const listening = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        outputLines.push(line);
        const port = /listening on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
        if (port !== undefined) resolve(`http://127.0.0.1:${port}`);
      });
    }
  });
  await once(child, 'spawn');
  const deadline = AbortSignal.timeout(startLimitMs);
  const url = await Promise.race([listening, exited, once(deadline, 'abort')]);
  if (typeof url !== 'string' || (await fetch(`${url}/readyz`, { signal: deadline })).status !== 200) {
    await end('SIGKILL');
    throw new Error(`The server did not become ready:\n${outputLines.join('\n')}`);
  }
  return {
    url,
    pid: child.pid as number,
    readyAfterMs: performance.now() - startedAt,
    outputLines,
    kill9: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
  };
}

/** The settings of whoever runs the tests must not reach the server under test. */
function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(
      ([name]) => !/^(INKSONG_.*|HOST|PORT|DATABASE_URL|LOG_LEVEL|NODE_TEST_CONTEXT)$/.test(name),
    ),
  );
}
