import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** No backup or restore leaves its file untouched for this long. */
const abandonedMs = 24 * 3_600_000;

/**
 * Returns a new name for this process's unfinished work on `path`, beside it. It tells where the process runs, since
 * another container on the same volume has the same process ids.
 */
export function unfinishedPath(path: string): string {
  return `${path}.unfinished-${place()}-${process.pid}-${randomBytes(4).toString('hex')}`;
}

/** Removes the unfinished work on `path` of processes known to be gone, and whatever nobody has touched for a day. */
export function removeLeftovers(path: string): void {
  const folder = dirname(path);
  const prefix = `${basename(path)}.unfinished-`;
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(prefix)) continue;
    const [, where, pid] = /^([0-9a-f]{8})-(\d+)-/.exec(name.slice(prefix.length)) ?? [];
    const isOrphan = where === place() && !isRunning(Number(pid));
    if (isOrphan || isAbandoned(join(folder, name))) rmSync(join(folder, name), { force: true });
  }
}

/** Names the set of processes among which a process id is unique while it lasts: a machine's, or a container's. */
function place(): string {
  return createHash('sha256').update(`${hostname()} ${processNamespace()}`).digest('hex').slice(0, 8);
}

function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    // Only Linux has them.
    return '';
  }
}

function isAbandoned(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && Date.now() - stats.mtimeMs > abandonedMs;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
