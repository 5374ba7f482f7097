import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareRounds, spreadOf } from './spread.ts';

test('a spread is the median and the quartiles, in whatever order the samples came', () => {
  assert.deepEqual(spreadOf([8, 1, 7, 2, 6, 3, 5, 4]), { lower: 2, median: 4.5, upper: 6 });
  assert.deepEqual(spreadOf([3]), { lower: 3, median: 3, upper: 3 });
});

test('subjects are compared round by round: the median of ratios, not the ratio of medians', () => {
  const of = [10, 200, 30];
  const to = [10, 100, 60];
  // The medians are 30 and 60.
  assert.deepEqual(compareRounds(of, to, 'quotient'), { lower: 0.5, median: 1, upper: 2 });
  assert.deepEqual(compareRounds(of, to, 'difference'), { lower: -30, median: 0, upper: 100 });
});

test('subjects that were not measured equally often are not compared', () => {
  assert.throws(() => compareRounds([1, 2], [1], 'quotient'), /2 rounds cannot be compared with 1/);
});
