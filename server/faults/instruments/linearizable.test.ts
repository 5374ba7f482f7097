import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Read, unexplainedReads, type Write } from './linearizable.ts';

const write = (value: boolean, sent: number, answered: number | null): Write => ({
  value,
  sentNs: BigInt(sent),
  answeredNs: answered === null ? null : BigInt(answered),
});
const read = (value: boolean, sent: number, received: number): Read => ({
  value,
  sentNs: BigInt(sent),
  receivedNs: BigInt(received),
});
const granted = write(true, 0, 10);

test('reads that see the last answered write are explained', () => {
  const reads = [read(true, 11, 20), read(true, 21, 99), read(false, 201, 210)];
  assert.deepEqual(unexplainedReads([granted, write(false, 100, 200)], reads), []);
});

test('a stale read is found: it was sent after the answer to the revocation', () => {
  const stale = read(true, 201, 210);
  assert.deepEqual(unexplainedReads([granted, write(false, 100, 200)], [read(true, 11, 20), stale]), [stale]);
});

test('while a revocation is under way either answer is explained', () => {
  for (const each of [read(true, 110, 190), read(false, 110, 190), read(true, 199, 300), read(false, 50, 101)]) {
    assert.deepEqual(unexplainedReads([granted, write(false, 100, 200)], [each]), []);
  }
});

test('once one read has seen a revocation, no later one may miss it, answered or not', () => {
  const late = read(true, 130, 140);
  const reads = [read(false, 110, 120), late];
  assert.deepEqual(unexplainedReads([granted, write(false, 100, 200)], reads), [late]);
  assert.deepEqual(unexplainedReads([granted, write(false, 100, null)], reads), [late]);
});

test('a refusal before a revocation was sent is found', () => {
  const early = read(false, 20, 30);
  assert.deepEqual(unexplainedReads([granted, write(false, 100, 200)], [early]), [early]);
  assert.deepEqual(unexplainedReads([granted], [early]), [early]);
});

test('a write that was never answered may have taken effect or not, until the next one is answered', () => {
  const writes = [granted, write(false, 100, null), write(true, 300, 400)];
  assert.deepEqual(unexplainedReads(writes, [read(true, 150, 160), read(false, 170, 180), read(true, 410, 420)]), []);
  const late = read(false, 410, 420);
  assert.deepEqual(unexplainedReads(writes, [late]), [late]);
});

test('what is in force again is judged by its last change', () => {
  const writes = [granted, write(false, 100, 200), write(true, 300, 400)];
  const [stale, early] = [read(false, 401, 410), read(true, 210, 290)];
  assert.deepEqual(unexplainedReads(writes, [read(false, 210, 290), read(true, 301, 310), stale, early]), [
    early,
    stale,
  ]);
});
