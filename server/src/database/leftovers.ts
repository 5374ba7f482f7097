import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Returns the name that this process gives to its unfinished work on `path`, beside it. */
export function unfinishedPath(path: string): string {
  return `${path}.unfinished-${process.pid}`;
}

/** Removes the unfinished work on `path` of processes that are gone. */
export function removeLeftovers(path: string): void {
  const prefix = `${basename(path)}.unfinished-`;
  for (const name of readdirSync(dirname(path))) {
    const pid = Number(/^(\d+)/.exec(name.startsWith(prefix) ? name.slice(prefix.length) : '')?.[1]);
    if (pid > 0 && pid !== process.pid && !isRunning(pid)) rmSync(join(dirname(path), name), { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
