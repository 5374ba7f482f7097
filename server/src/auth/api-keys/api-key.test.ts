import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { hashApiKey, isApiKey, mintApiKey } from './api-key.ts';

test('a minted key has the promised form, and its hint shows eight characters of 52', () => {
  for (let count = 0; count < 1_000; count += 1) {
    const { secret, hint } = mintApiKey();
    assert.match(secret, /^ink_[0-9a-f]{48}$/);
    assert.equal(secret.length, 52);
    assert.ok(isApiKey(secret));
    const [first = '', last = '', ...more] = hint.split('…');
    assert.deepEqual([first.length, last.length, more.length], [8, 4, 0]);
    assert.ok(secret.startsWith(first) && secret.endsWith(last));
  }
});

test('what is stored of a key is its SHA-256 and nothing that the key could be read from', () => {
  const { secret, hash } = mintApiKey();
  assert.equal(hash, createHash('sha256').update(secret).digest('hex'));
  assert.equal(hashApiKey(secret), hash);
});

test('10,000 keys differ, and each of their 192 bits is as often one as zero', () => {
  const count = 10_000;
  const ones = new Array<number>(192).fill(0);
  const seen = new Set<string>();
  for (let made = 0; made < count; made += 1) {
    const { secret } = mintApiKey();
    seen.add(secret);
    const bits = BigInt(`0x${secret.slice(4)}`);
    for (let bit = 0; bit < 192; bit += 1) if ((bits >> BigInt(bit)) & 1n) ones[bit] = (ones[bit] ?? 0) + 1;
  }
  assert.equal(seen.size, count);
  // Six standard deviations: a sound generator is beyond them once in two million runs.
  for (const [bit, times] of ones.entries()) assert.ok(Math.abs(times - count / 2) < 6 * 50, `bit ${bit}: ${times}`);
});

test('nothing but exactly that form is a key: no other case, length, prefix or space', () => {
  const { secret } = mintApiKey();
  for (const text of [
    '',
    'ink_',
    secret.slice(0, -1),
    `${secret}0`,
    ` ${secret}`,
    `${secret} `,
    `${secret}\n`,
    `\ufeff${secret}`,
  ]) {
    assert.ok(!isApiKey(text), JSON.stringify(text));
  }
  assert.ok(!isApiKey(`ink_${'a'.repeat(48)}`.toUpperCase()));
  assert.ok(!isApiKey(`ink_${'A'.repeat(48)}`));
  assert.ok(!isApiKey(`ink_${'１'.repeat(48)}`), 'digits of other scripts are none here');
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => assert.ok(!isApiKey(text))));
  fc.assert(
    fc.property(fc.nat({ max: 51 }), fc.string({ unit: 'binary', maxLength: 2 }), (at, other) => {
      const changed = secret.slice(0, at) + other + secret.slice(at + 1);
      assert.equal(isApiKey(changed), /^ink_[0-9a-f]{48}$/.test(changed) && !changed.includes('\n'));
    }),
  );
});
