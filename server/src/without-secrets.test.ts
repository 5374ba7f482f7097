import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mintApiKey } from './auth/api-keys/api-key.ts';
import { createAccessTokens } from './auth/sessions/access-token.ts';
import { mintRefreshToken, mintSuccessorNonce, successorOf } from './auth/sessions/refresh-token.ts';
import { type IdPrefix, newId } from './id.ts';
import { withoutSecrets } from './without-secrets.ts';

const accessTokens = createAccessTokens({
  secret: 'a secret that is long enough for a test',
  previousSecret: null,
  issuer: 'http://localhost:8080',
  clock: { now: () => Date.now() },
});

async function secrets(): Promise<string[]> {
  const refreshToken = mintRefreshToken();
  return [
    mintApiKey().secret,
    mintApiKey().secret.toUpperCase(),
    await accessTokens.sign({ accountId: newId('acc'), sessionId: newId('ses') }),
    refreshToken,
    successorOf(refreshToken, mintSuccessorNonce()),
  ];
}

/** Whatever may stand beside a secret in a path, letters and percent-encoding included. */
const around = fc.stringMatching(/^[\w.%~/=,;:@-]*$/);

test('no key and no token survives in what is logged, whatever stands beside it', async () => {
  for (const secret of (await Promise.all(Array.from({ length: 20 }, secrets))).flat()) {
    fc.assert(
      fc.property(around, around, (before, after) => {
        const shown = withoutSecrets(`/${before}${secret}${after}`);
        for (let at = 0; at + 16 <= secret.length; at += 1) {
          assert.ok(!shown.includes(secret.slice(at, at + 16)), `${shown} holds a part of ${secret}`);
        }
      }),
      { numRuns: 20 },
    );
  }
});

test('a secret is taken out also where some or all of it is percent-encoded', async () => {
  const encode = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  for (const secret of await secrets()) {
    for (const encoded of [/[._-]/g, /./g, /[a-m]/g, /(?<=^.{20})./]) {
      const shown = withoutSecrets(`/x/${secret.replace(encoded, encode)}/y`);
      assert.match(shown, /^\/x\/(ink_)?\[redacted\](\.\[redacted\]){0,2}\/y$/, String(encoded));
    }
  }
});

test('of a key that was cut short, no more stays than tells what it was', () => {
  const { secret } = mintApiKey();
  for (let length = 'ink_'.length + 8; length < secret.length; length += 1) {
    assert.equal(withoutSecrets(`/x/${secret.slice(0, length)}/y`), '/x/ink_[redacted]/y');
  }
});

test('words stay readable however many are joined; a token among them does not', () => {
  for (const words of [
    'laptop-stolen-at-the-conference-on-tuesday-evening',
    'Rotated_after_the_LAPTOP_was_stolen_on_2026-11-24_in_Utrecht',
  ]) {
    assert.equal(withoutSecrets(words), words);
    for (let round = 0; round < 20_000; round++) {
      const token = mintRefreshToken();
      assert.equal(withoutSecrets(`${words}-${token}`), '[redacted]', token);
      assert.equal(withoutSecrets(token), '[redacted]');
    }
  }
});

test('ids and ordinary paths stay readable', () => {
  const prefixes: IdPrefix[] = ['acc', 'key', 'ses', 'doc', 'ver', 'evt', 'out', 'req'];
  for (const id of prefixes.map(newId)) {
    const path = `/api/v1/documents/${id}/content`;
    assert.equal(withoutSecrets(path), path);
  }
  const words = fc.array(fc.stringMatching(/^[a-z-]{0,40}$/)).map((segments) => `/${segments.join('/')}`);
  fc.assert(fc.property(words, (path) => assert.equal(withoutSecrets(path), path)));
});

test('a long path is judged at once', () => {
  for (const path of ['eyJ'.repeat(40_000), 'eyJa.'.repeat(24_000), 'ink_'.repeat(32_000), `${'a'.repeat(128_000)}!`]) {
    const before = process.cpuUsage();
    withoutSecrets(path);
    // Time of computing, which a busy machine does not lengthen. Were it to grow with the square, it would be seconds.
    assert.ok(process.cpuUsage(before).user < 500_000, path.slice(0, 20));
  }
});
