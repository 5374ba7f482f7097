import { flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { letYoungGenerationGrow } from './young-generation.ts';

/**
 * Lets V8 spend memory on speed. Call when the start is over. Until then bin/inksong.js and workers/worker.ts keep it from
 * two things that only pay under load: from optimising code, whose compilers alone bring some 10 MB of the Node program
 * and of their own into memory, and from growing its young generation, which would hold some 30 MB for what is made once
 * and stays. Both compilers have to wait: what the lesser one has compiled while the other was off stays as it is for ever.
 */
export function endThriftyStart(): void {
  // While the flags are those under which the next start will read it.
  flushCompileCache();
  setFlagsFromString('--maglev');
  setFlagsFromString('--turbofan');
  letYoungGenerationGrow();
}
