import { flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';

/**
 * Lets V8's young generation grow with the load again, as it does by itself. Call when the start is over: nearly all that
 * is made until then stays, and a young generation that grew over it would hold some 30 MB for nothing. bin/inksong.js and
 * workers/worker.ts see to it that it does not.
 */
export function releaseYoungGeneration(): void {
  // While the flags are those under which the next start will read it.
  flushCompileCache();
  setFlagsFromString('--semi-space-growth-factor=2');
}
