import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseRange } from './content-range.ts';

test('ranges are read as RFC 9110 section 14.1.2 says', () => {
  const table: [header: string, size: number, expected: ReturnType<typeof parseRange>][] = [
    ['bytes=0-0', 10, { first: 0, last: 0 }],
    ['bytes=2-5', 10, { first: 2, last: 5 }],
    ['bytes=2-', 10, { first: 2, last: 9 }],
    ['bytes=2-99', 10, { first: 2, last: 9 }],
    ['bytes=-3', 10, { first: 7, last: 9 }],
    ['bytes=-99', 10, { first: 0, last: 9 }],
    ['BYTES=1-1', 10, { first: 1, last: 1 }],
    ['bytes=10-', 10, 'unsatisfiable'],
    ['bytes=10-12', 10, 'unsatisfiable'],
    ['bytes=-0', 10, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    ['bytes=-1', 0, 'unsatisfiable'],
    ['bytes=5-2', 10, null],
    ['bytes=0-1,3-4', 10, null],
    ['bytes=', 10, null],
    ['bytes=-', 10, null],
    ['bytes=a-b', 10, null],
    ['lines=0-1', 10, null],
    ['bytes=1', 10, null],
    ['bytes=0-99999999999999999', 10, null],
  ];
  for (const [header, size, expected] of table) assert.deepEqual(parseRange(header, size), expected, header);
});

test('a range always lies within the content', () => {
  const header = fc.oneof(
    fc.tuple(fc.nat(300), fc.nat(300)).map(([a, b]) => `bytes=${a}-${b}`),
    fc.nat(300).map((n) => `bytes=-${n}`),
    fc.nat(300).map((n) => `bytes=${n}-`),
    fc.string(),
  );
  fc.assert(
    fc.property(header, fc.nat(200), (text, size) => {
      const range = parseRange(text, size);
      if (range === null || range === 'unsatisfiable') return;
      assert.ok(range.first >= 0 && range.first <= range.last && range.last < size, `${text} of ${size}`);
    }),
  );
});
