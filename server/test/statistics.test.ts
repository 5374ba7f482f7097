import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mannWhitneyP, median, quantile } from '../measure/instruments/statistics.ts';

test('median and quantiles are values of the samples, or between the middle two', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.deepEqual([quantile(hundred, 0.5), quantile(hundred, 0.99), quantile(hundred, 1)], [50, 99, 100]);
});

test('Mann-Whitney tells distributions apart by as much as the reference tables say', () => {
  const evens = Array.from({ length: 50 }, (_, index) => index * 2);
  const odds = evens.map((value) => value + 1);
  assert.ok(mannWhitneyP(evens, odds) > 0.8);
  assert.ok(mannWhitneyP(evens, evens) > 0.99);
  assert.ok(
    mannWhitneyP(
      evens,
      evens.map((value) => value + 40),
    ) < 1e-4,
  );
  assert.equal(mannWhitneyP([1, 1, 1], [1, 1, 1]), 1);
  // U = 2 of 100: z = (48 − 0.5) / √(100 · 21 / 12) = 3.5907, p = 0.000330.
  const low = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12];
  const high = [10, 11, 13, 14, 15, 16, 17, 18, 19, 20];
  assert.ok(Math.abs(mannWhitneyP(low, high) - 0.00033) < 0.00001);
});
