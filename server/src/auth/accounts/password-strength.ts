import { Worker } from 'node:worker_threads';
import pLimit from 'p-limit';
import { AppError } from '../../app-error.ts';

/** What the worker is asked. */
export interface StrengthQuestion {
  password: string;
  /** Words that an attacker would try first. */
  context: string[];
}

export interface StrengthAnswer {
  guessable: boolean;
  /** zxcvbn's name for what is wrong, when it has one. */
  reason: string | null;
}

/** Scoring takes longer with every character, and 64 that cannot be guessed are enough whatever follows. */
const scoredCodePoints = 64;
/** Shorter parts of an address would make every password that holds their letters look guessable. */
const contextMinLength = 3;
const contextMaxWords = 20;
/** Hundreds of times what a check takes. It does not count the start of the thread, which a busy machine draws out. */
const checkTimeoutMs = 10_000;

const reasons: Record<string, string> = {
  straightRow: 'It follows a row of keys.',
  keyPattern: 'It follows a pattern on the keyboard.',
  simpleRepeat: 'It repeats one character.',
  extendedRepeat: 'It repeats the same few characters or words.',
  sequences: 'It follows a sequence such as “abc” or “123”.',
  recentYears: 'It is little more than a year.',
  associatedYears: 'It is little more than a year.',
  dates: 'It is little more than a date.',
  topTen: 'It is among the most used passwords.',
  topHundred: 'It is among the most used passwords.',
  common: 'It is a well-known password.',
  similarToCommon: 'It is close to a well-known password.',
  wordByItself: 'It is little more than a single word.',
  namesByThemselves: 'It is little more than a name.',
  commonNames: 'It is little more than a name.',
  userInputs: 'It is little more than your e-mail address or the name of this service.',
};

/** One for the process, started when first needed: the dictionaries take half a second and some 70 MB. */
let worker: Promise<Worker> | null = null;
/** The worker answers in the order in which it is asked, so it is asked one thing at a time. */
const oneAtATime = pLimit(1);

/**
 * Returns what makes a password guessable, in a sentence for its owner, or null when nothing does. Only its first 64
 * characters are scored, in a thread of its own, so that no request waits for it.
 * Throws `overloaded` when the thread, once it has started, gives no answer within 10 s.
 */
export async function passwordWeakness(password: string, email: string): Promise<string | null> {
  const scored = Array.from(password).slice(0, scoredCodePoints).join('');
  const { guessable, reason } = await oneAtATime(() => ask({ password: scored, context: contextOf(email) }));
  if (!guessable) return null;
  return `Is too easy to guess. ${reasons[reason ?? ''] ?? 'It is made of well-known words or patterns.'} A few unrelated words do well.`;
}

function contextOf(email: string): string[] {
  const at = email.lastIndexOf('@');
  const local = email.slice(0, at);
  const separator = /[^\p{L}\p{N}]+/gu;
  const parts = [email, local, local.replace(separator, ''), email.slice(at + 1), ...email.split(separator)];
  return ['inksong', ...new Set(parts.filter((part) => part.length >= contextMinLength))].slice(0, contextMaxWords);
}

/** Resolves when the thread has loaded the dictionaries. Whatever ends it, the next check starts another. */
function startWorker(): Promise<Worker> {
  const thread = new Worker(new URL('password-strength-worker.ts', import.meta.url));
  const started = new Promise<Worker>((resolve, reject) => {
    thread.once('message', () => resolve(thread));
    thread.once('error', reject).once('exit', () => reject(ended()));
  });
  const forget = (): void => {
    if (worker === started) worker = null;
  };
  thread.on('error', forget).on('exit', forget);
  return started;
}

function ended(): Error {
  return new Error('The thread that checks passwords ended.');
}

async function ask(question: StrengthQuestion): Promise<StrengthAnswer> {
  worker ??= startWorker();
  const asked = await worker;
  return new Promise<StrengthAnswer>((resolve, reject) => {
    const timer = setTimeout(() => {
      failed(new AppError('overloaded', { detail: 'The password could not be checked in time; try again shortly.' }));
      // Forgotten at once: until it has ended, the next check would ask it in vain.
      worker = null;
      void asked.terminate();
    }, checkTimeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      asked.off('message', answered).off('error', failed).off('exit', exited);
      // Idle, it keeps no process from ending.
      asked.unref();
    };
    const answered = (answer: StrengthAnswer): void => {
      settle();
      resolve(answer);
    };
    const failed = (error: unknown): void => {
      settle();
      reject(error);
    };
    const exited = (): void => failed(ended());
    asked.on('message', answered).on('error', failed).on('exit', exited);
    asked.ref();
    asked.postMessage(question);
  });
}
