import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delaySecondsAfter } from './guess.ts';
import { parseRate } from './limit.ts';

test('a rate is read as it is documented, and anything else is refused with what to write', () => {
  assert.deepEqual(parseRate('10/min'), { points: 10, seconds: 60 });
  assert.deepEqual(parseRate('5/s'), { points: 5, seconds: 1 });
  assert.deepEqual(parseRate('3/hour'), { points: 3, seconds: 3600 });
  assert.equal(parseRate('off'), null);
  for (const wrong of ['', '0', '0/min', '-1/min', '10', '10/day', '1e3/min', '10/min ', 'OFF', '1.5/s', '10 / min']) {
    assert.throws(() => parseRate(wrong), /must look like 10\/min/, wrong);
  }
});

test('three tries are free, then each one costs twice as long as the last, up to 15 minutes', () => {
  const delays = Array.from({ length: 16 }, (_, index) => delaySecondsAfter(index + 1));
  assert.deepEqual(delays, [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]);
  assert.equal(delaySecondsAfter(1e9), 900);
});
