import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  hashRefreshToken,
  isRefreshToken,
  mintRefreshToken,
  mintSuccessorNonce,
  successorOf,
} from './refresh-token.ts';

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));
const token = bytes32.map((bytes) => bytes.toString('base64url'));
const nonce = bytes32.map((bytes) => bytes.toString('hex'));

test('first tokens and nonces are 256 random bits, none twice', () => {
  const tokens = Array.from({ length: 2_000 }, mintRefreshToken);
  const nonces = Array.from({ length: 2_000 }, mintSuccessorNonce);
  assert.equal(new Set(tokens).size, 2_000);
  assert.equal(new Set(nonces).size, 2_000);
  for (const each of tokens) assert.ok(isRefreshToken(each) && Buffer.from(each, 'base64url').length === 32);
  for (const each of nonces) assert.match(each, /^[0-9a-f]{64}$/);
});

test('a token and a nonce have one successor, the same each time it is asked for', () => {
  fc.assert(
    fc.property(token, nonce, (presented, message) => {
      const successor = successorOf(presented, message);
      assert.equal(successorOf(presented, message), successor);
      assert.ok(isRefreshToken(successor), 'it has the form of a refresh token');
      assert.notEqual(successor, presented);
      const expected = createHmac('sha256', presented).update(Buffer.from(message, 'hex')).digest('base64url');
      assert.equal(successor, expected, 'HMAC-SHA-256 of the nonce under the token');
    }),
  );
});

test('another nonce or another token has another successor, and no branch of a family meets another', () => {
  fc.assert(
    fc.property(fc.uniqueArray(token, { minLength: 2 }), fc.uniqueArray(nonce, { minLength: 2 }), (tokens, nonces) => {
      const successors = tokens.flatMap((presented) => nonces.map((message) => successorOf(presented, message)));
      assert.equal(new Set(successors).size, successors.length);
    }),
  );
  const line = [mintRefreshToken()];
  for (let generation = 0; generation < 500; generation += 1)
    line.push(successorOf(line.at(-1) ?? '', mintSuccessorNonce()));
  assert.equal(new Set(line).size, 501);
});

test('one bit of difference in the nonce changes about half the bits of the successor', () => {
  fc.assert(
    fc.property(token, bytes32, fc.nat({ max: 255 }), (presented, message, bit) => {
      const flipped = Buffer.from(message);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const [a, b] = [message, flipped].map((each) =>
        Buffer.from(successorOf(presented, each.toString('hex')), 'base64url'),
      );
      let distance = 0;
      for (let at = 0; at < 32; at += 1) {
        for (let rest = (a?.[at] ?? 0) ^ (b?.[at] ?? 0); rest > 0; rest >>= 1) distance += rest & 1;
      }
      // 256 coins fall more than nine standard deviations off once in far more runs than there will be.
      assert.ok(distance > 56 && distance < 200, `${distance} bits`);
    }),
  );
});

test('what is stored of a token is its SHA-256', () => {
  fc.assert(
    fc.property(token, (presented) => {
      assert.equal(hashRefreshToken(presented), createHash('sha256').update(presented).digest('hex'));
    }),
  );
});

test('nothing but 43 base64url characters is a refresh token', () => {
  const good = mintRefreshToken();
  for (const text of ['', good.slice(1), `${good}A`, `${good}=`, ` ${good}`, `${good}\n`, good.replace(/^./, '+')]) {
    assert.ok(!isRefreshToken(text), JSON.stringify(text));
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      assert.equal(isRefreshToken(text), text.length === 43 && /^[\w-]*$/.test(text) && !text.endsWith('\n'));
    }),
  );
});
