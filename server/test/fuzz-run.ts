import assert from 'node:assert/strict';
import type fc from 'fast-check';
import type { TestAccount, TestServer } from './boot.ts';
import { checkAnswer } from './openapi-check.ts';
import type { RawAnswer } from './raw-http.ts';

/** Set INKSONG_TEST_SEED to the printed number to send the very same bytes again. */
export const seed = Number(process.env.INKSONG_TEST_SEED ?? Date.now() % 2 ** 31);
export const sentAtOnce = 8;
/** Longest that any one request may take, milliseconds; generous, since the machine may be busy. */
export const limitMs = 5_000;

/** Reports the request that failed, not the thousands of bytes of the eight in its batch. */
export function report<T>({ failed, seed, counterexamplePath, errorInstance }: fc.RunDetails<T>): void {
  if (!failed) return;
  throw new Error(`INKSONG_TEST_SEED=${seed} (path ${counterexamplePath})`, { cause: errorInstance });
}

/** Signs of an implementation that shows through. */
const internals =
  /\n\s+at |node:|node_modules|file:\/\/|\.[jt]s:\d|sqlite|kysely|fastify|FST_|HPE_|ERR_[A-Z]|(Type|Range|Syntax|Reference)Error|argon2|\[object|undefined/i;

const isDocumentedFailure = (status: number): boolean => status < 500 || status === 503 || status === 507;

/** @param target the path that was asked for, or null when it was no plain one */
export function assertSound(server: TestServer, method: string, target: string | null, answer: RawAnswer): void {
  assert.ok(isDocumentedFailure(answer.status), `${answer.status} ${answer.body}`);
  assert.equal(answer.headers.get('x-injected'), null);
  if (method === 'HEAD') return;
  if (answer.status >= 400) assert.doesNotMatch(String(answer.body), internals);
  // A target that is no plain path is still held to RFC 9457 when it is refused.
  if (target === null && answer.status < 400) return;
  checkAnswer(server.app, method, target ?? '/no-route', {
    ...answer,
    bytes: answer.body,
    json: /json/.test(answer.headers.get('content-type') ?? '') ? jsonOf(answer.body) : null,
    refreshToken: null,
  });
}

/** Returns null for what is no JSON, such as the bytes of a document. */
function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(String(body));
  } catch {
    return null;
  }
}

export function assertNothingLeaked(server: TestServer, accounts: TestAccount[]): void {
  const log = server.logLines.join('');
  for (const account of accounts) {
    for (const secret of [account.apiKey, account.accessToken, account.refreshToken, account.password]) {
      assert.ok(secret.length > 20 && !log.includes(secret), `the log holds ${secret}`);
    }
  }
  const faults = server.logLines.filter((line) => line.includes('"internal_error"'));
  assert.deepEqual(faults, []);
  for (const line of server.logLines) JSON.parse(line);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
}
