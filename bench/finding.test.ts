import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Finding, findingOf, inWords, isAsWanted } from './finding.ts';

test('a finding is as wanted up to and with its bound, on the right side of it', () => {
  const judged = (median: number, better: Finding['better'], wanted: number | null) =>
    isAsWanted(findingOf('', '×', better, [median], wanted));
  assert.deepEqual(
    [1.09, 1.1, 1.2].map((median) => judged(median, 'more', 1.1)),
    [false, true, true],
  );
  assert.deepEqual(
    [14, 15, 16].map((median) => judged(median, 'less', 15)),
    [true, true, false],
  );
  assert.equal(judged(1, 'less', null), null);
});

test('numbers are shown in as many digits as they are worth', () => {
  assert.deepEqual([25_123.4, 58.34, 1.234, 0.4567, 0.0312, 0].map(inWords), [
    '25123',
    '58.3',
    '1.23',
    '0.46',
    '0.031',
    '0.00',
  ]);
});
