import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** The real program, as people start it. */
export const program = join(import.meta.dirname, '../bin/inksong.js');

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
  /** Milliseconds from start to exit. */
  tookMs: number;
}

export interface Running {
  pid: number;
  finished: Promise<Finished>;
  /** Resolves with the first match of a pattern in what the process has written; rejects when it ends without one. */
  seen(pattern: RegExp): Promise<RegExpExecArray>;
  /** Returns what it has written to standard output so far. */
  written(): string;
  signal(name: NodeJS.Signals): void;
}

export interface RunOptions {
  environment?: Record<string, string>;
  directory?: string;
  /** What the process is started with; the program itself unless given. */
  command?: [string, ...string[]];
}

const living = new Set<ChildProcess>();
// A test process that is ended early runs no `t.after`; nothing it started may outlive it.
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});
// What the test runner sends to a file that takes too long.
process.once('SIGTERM', () => process.exit(143));

/** Returns an empty folder that is gone when the test ends. */
export function temporaryFolder(t: Pick<TestContext, 'after'>): string {
  const folder = mkdtempSync(join(tmpdir(), 'inksong-cli-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts the program; it is gone when the test ends. Settings of whoever runs the tests do not reach it. */
export function startInksong(
  t: Pick<TestContext, 'after'>,
  words: readonly string[],
  options: RunOptions = {},
): Running {
  const startedAt = performance.now();
  const [command, ...first] = options.command ?? [process.execPath, program];
  const child = spawn(command, [...first, ...words], {
    cwd: options.directory ?? tmpdir(),
    env: { ...withoutSettings(process.env), ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  living.add(child);
  let stdout = '';
  let stderr = '';
  let changed: () => void = () => {};
  child.stdout.on('data', (bytes) => {
    stdout += bytes;
    changed();
  });
  child.stderr.on('data', (bytes) => {
    stderr += bytes;
    changed();
  });
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      living.delete(child);
      resolve({ code, stdout, stderr, tookMs: performance.now() - startedAt });
      changed();
    });
  });
  t.after(() => {
    child.kill('SIGKILL');
    return finished;
  });
  return {
    pid: child.pid as number,
    finished,
    written: () => stdout,
    signal: (name) => void child.kill(name),
    seen: (pattern) =>
      new Promise((resolve, reject) => {
        changed = () => {
          const match = pattern.exec(stderr) ?? pattern.exec(stdout);
          if (match) resolve(match);
          else if (!living.has(child)) reject(new Error(`Ended without ${pattern}:\n${stdout}${stderr}`));
        };
        changed();
      }),
  };
}

/** Runs the program to its end. */
export function runInksong(
  t: Pick<TestContext, 'after'>,
  words: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  return startInksong(t, words, options).finished;
}

function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(
      ([name]) => !/^(INKSONG_.*|HOST|PORT|DATABASE_URL|LOG_LEVEL|NODE_TEST_CONTEXT)$/.test(name),
    ),
  );
}
