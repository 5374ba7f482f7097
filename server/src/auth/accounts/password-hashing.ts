import type { Options } from '@node-rs/argon2';
import { type BackgroundThread, createBackgroundThread } from '../../background-thread.ts';

/** What a thread is asked: to make a hash, or to compare with one. */
export type HashQuestion = { password: string; cost: Options } | { password: string; phc: string };
/** The PHC string of a password, or whether it is the one of a PHC string. */
export type HashAnswer = string | boolean;

/** Of the process. There are as many in all as were ever needed at once; the last one used is taken first. */
const idle: BackgroundThread<HashQuestion, HashAnswer>[] = [];

/**
 * Returns the PHC string of a password, hashed in a thread that gives way to the one that answers requests.
 * How many run at once is the caller's to bound. Throws when the thread ends meanwhile.
 */
export async function hashPassword(password: string, cost: Options): Promise<string> {
  const answer = await ask({ password, cost });
  if (typeof answer !== 'string') throw new Error('A thread was asked for a hash and gave none.');
  return answer;
}

/** Tells in the same way whether a password is the one of a PHC string. Throws, too, when that is none. */
export async function verifyPassword(phc: string, password: string): Promise<boolean> {
  const answer = await ask({ password, phc });
  if (typeof answer !== 'boolean') throw new Error('A thread was asked to compare and did not.');
  return answer;
}

async function ask(question: HashQuestion): Promise<HashAnswer> {
  const thread = idle.pop() ?? createBackgroundThread(new URL('password-hash-worker.ts', import.meta.url));
  try {
    return await thread.ask(question);
  } finally {
    idle.push(thread);
  }
}
