import { parentPort } from 'node:worker_threads';
import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary as common } from '@zxcvbn-ts/language-common';
import { dictionary as english } from '@zxcvbn-ts/language-en';
import type { StrengthAnswer, StrengthQuestion } from './password-strength.ts';

/** On zxcvbn's scale of 0 to 4: an attacker needs 10⁸ guesses or more. */
const leastScore = 3;
/** The default of 100 lets 64 characters cost half a second of computing. */
const respellingsTried = 10;

const scorer = new ZxcvbnFactory({
  dictionary: { ...common, ...english },
  graphs: adjacencyGraphs,
  l33tMaxSubstitutions: respellingsTried,
});

/** zxcvbn sees no repetition in “ink song, INK SONG”: such a password is also judged by its letters and digits alone. */
function formsOf(password: string): string[] {
  const bare = password.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
  return bare !== password && bare.length * 2 > password.length ? [password, bare] : [password];
}

parentPort?.on('message', ({ password, context }: StrengthQuestion) => {
  const weak = formsOf(password)
    .map((form) => scorer.check(form, context))
    .find(({ score }) => score < leastScore);
  const answer: StrengthAnswer = { guessable: weak !== undefined, reason: weak?.feedback.warning ?? null };
  parentPort?.postMessage(answer);
});

// Says that it has started.
parentPort?.postMessage(null);
