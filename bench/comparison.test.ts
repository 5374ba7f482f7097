import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { compareFindings, isRegression, readFindings } from './comparison.ts';
import type { Finding } from './finding.ts';

const finding = (name: string, lower: number, median: number, upper: number, some: Partial<Finding> = {}): Finding => ({
  ...{ name, unit: '×', lower, median, upper, better: 'more', wanted: null, undisturbed: null, ...some },
});

test('a finding whose middle half has left that of the earlier run is judged by which direction is better', () => {
  const verdictOf = (values: [number, number, number], better: Finding['better']) =>
    compareFindings([finding('key', ...values, { better })], [finding('key', 0.4, 0.5, 0.6, { better })])[0]?.verdict;
  assert.equal(verdictOf([0.2, 0.3, 0.39], 'more'), 'worse');
  assert.equal(verdictOf([0.61, 0.7, 0.8], 'more'), 'better');
  assert.equal(verdictOf([0.2, 0.3, 0.39], 'less'), 'better');
  assert.equal(verdictOf([0.61, 0.7, 0.8], 'less'), 'worse');
  assert.equal(verdictOf([0.2, 0.3, 0.41], 'more'), '');
  assert.equal(verdictOf([0.45, 0.5, 0.55], 'more'), '');
});

test('a ratio of CPU time is judged by its least disturbed rounds, however the others went', () => {
  const compared = (undisturbed: number, better: Finding['better']) =>
    compareFindings(
      [finding('key', 0.1, 5, 9, { undisturbed, better })],
      [finding('key', 0.9, 1, 1.1, { undisturbed: 1, better })],
    );
  const judged = (undisturbed: number, better: Finding['better'] = 'less') => compared(undisturbed, better)[0]?.verdict;
  assert.deepEqual(
    [1.07, 1.09, 0.93, 0.91].map((ratio) => judged(ratio)),
    ['', 'WORSE', '', 'better'],
  );
  assert.equal(judged(0.91, 'more'), 'WORSE');
  assert.equal(isRegression(compared(1.09, 'less')), true);
  assert.equal(isRegression(compared(0.91, 'less')), false);
});

test('a difference of CPU time may move by a third before it is a regression', () => {
  const judged = (undisturbed: number) =>
    compareFindings(
      [finding('key', 1, 1, 1, { undisturbed, unit: 'µs', better: 'less' })],
      [finding('key', 1, 1, 1, { undisturbed: 10, unit: 'µs', better: 'less' })],
    )[0]?.verdict;
  assert.deepEqual([13.2, 13.4].map(judged), ['', 'WORSE']);
});

test('what moves with the machine is said to be worse, and is no regression', () => {
  const compared = compareFindings([finding('key', 0.1, 0.1, 0.1)], [finding('key', 0.4, 0.5, 0.6)]);
  assert.deepEqual([compared[0]?.verdict, isRegression(compared)], ['worse', false]);
});

test('the change is that of the median, in percent', () => {
  const [compared] = compareFindings([finding('key', 0.4, 0.4, 0.4)], [finding('key', 0.5, 0.5, 0.5)]);
  assert.equal(compared?.change, '-20.0 %');
  assert.equal(compared?.before, '0.50 (0.50 to 0.50)');
});

test('a finding that only one of the runs has is shown and not compared', () => {
  const rows = compareFindings([finding('new', 1, 1, 1)], [finding('gone', 1, 1, 1)]);
  assert.deepEqual(
    rows.map(({ name, now, before, verdict }) => [name, now, before, verdict]),
    [
      ['new', '1.00 (1.00 to 1.00)', 'not measured', ''],
      ['gone', 'not measured', '1.00 (1.00 to 1.00)', ''],
    ],
  );
});

test('a file that is no result is refused by name', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'inksong-bench-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'other.json');
  writeFileSync(path, '{}');
  assert.throws(() => readFindings(path), /other\.json is no result/);
});
