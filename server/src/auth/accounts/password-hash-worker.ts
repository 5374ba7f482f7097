import { getPriority, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { hashSync, verifySync } from '@node-rs/argon2';
import type { HashAnswer, HashQuestion } from './password-hashing.ts';

/** Ten steps are a tenth of the weight of the thread that answers requests, where the two compete for a core. */
const steps = 10;
const lowest = 19;

/**
 * Linux gives each thread a priority of its own, and takes a call that names no process for one about the calling thread.
 * Elsewhere it would be about the whole process, whose priority stays as it is.
 */
function lowerPriority(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(Math.min(getPriority() + steps, lowest));
  } catch {
    // Where a sandbox forbids it, hashes compete with requests, which is better than no sign-in at all.
  }
}

// Last, when all is loaded: whatever first needs libuv's threads starts them, for the whole process, at its own priority.
lowerPriority();

// An error, as of a stored hash that is none, ends this thread and fails only what was asked.
parentPort?.on('message', (question: HashQuestion) => {
  const answer: HashAnswer =
    'phc' in question ? verifySync(question.phc, question.password) : hashSync(question.password, question.cost);
  parentPort?.postMessage(answer);
});

// Says that it has started.
parentPort?.postMessage(null);
