import { flushCompileCache } from 'node:module';
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** V8 would double it once more under load, which spares a request a few percent of its CPU time and costs another 30 MB. */
const largestBytes = 32 * 1024 * 1024;

/**
 * Lets V8's young generation grow with the load, up to a size. Call when the start is over: nearly all that is made until
 * then stays, and a young generation that grew over it would hold some 30 MB for nothing. bin/inksong.js and
 * workers/worker.ts see to it that it does not.
 */
export function releaseYoungGeneration(): void {
  // While the flags are those under which the next start will read it.
  flushCompileCache();
  setFlagsFromString('--semi-space-growth-factor=2');
  // V8 takes a limit from its command line alone, and we are past that.
  const observer = new PerformanceObserver(() => {
    if (youngBytes() < largestBytes) return;
    setFlagsFromString('--semi-space-growth-factor=1');
    observer.disconnect();
  });
  observer.observe({ entryTypes: ['gc'] });
}

function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;
}
