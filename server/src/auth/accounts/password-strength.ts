import { AppError } from '../../app-error.ts';
import { createBackgroundThread } from '../../background-thread.ts';

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
/** Hundreds of times what a check takes. */
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

/** One for the process: the dictionaries take half a second and some 70 MB. */
const thread = createBackgroundThread<StrengthQuestion, StrengthAnswer>(
  new URL('password-strength-worker.ts', import.meta.url),
  {
    ms: checkTimeoutMs,
    late: () => new AppError('overloaded', { detail: 'The password could not be checked in time; try again shortly.' }),
  },
);

/**
 * Returns what makes a password guessable, in a sentence for its owner, or null when nothing does. Only its first 64
 * characters are scored, in a thread of its own, so that no request waits for it.
 * Throws `overloaded` when the thread, once it has started, gives no answer within 10 s.
 */
export async function passwordWeakness(password: string, email: string): Promise<string | null> {
  const scored = Array.from(password).slice(0, scoredCodePoints).join('');
  const { guessable, reason } = await thread.ask({ password: scored, context: contextOf(email) });
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
