import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { compareFindings, isRegression, readFindings } from './comparison.ts';
import type { Finding } from './finding.ts';

const finding = (name: string, lower: number, median: number, upper: number, some: Partial<Finding> = {}): Finding => ({
  ...{ name, unit: '×', lower, median, upper, better: 'more', wanted: null, steady: true, ...some },
});

const verdictOf = (values: [number, number, number], some: Partial<Finding> = {}) =>
  compareFindings([finding('key', ...values, some)], [finding('key', 0.4, 0.5, 0.6, some)])[0]?.verdict;

test('a finding whose middle half has left that of the earlier run is judged by which direction is better', () => {
  assert.equal(verdictOf([0.2, 0.3, 0.39]), 'WORSE');
  assert.equal(verdictOf([0.61, 0.7, 0.8]), 'better');
  assert.equal(verdictOf([0.2, 0.3, 0.39], { better: 'less' }), 'better');
  assert.equal(verdictOf([0.61, 0.7, 0.8], { better: 'less' }), 'WORSE');
  assert.equal(verdictOf([0.2, 0.3, 0.41]), '');
  assert.equal(verdictOf([0.45, 0.5, 0.55]), '');
});

test('what moves with the machine is said to be worse, and is no regression', () => {
  assert.equal(verdictOf([0.2, 0.3, 0.39], { steady: false }), 'worse');
  const [unsteady, steady] = [{ steady: false }, { steady: true }].map((some) =>
    compareFindings([finding('key', 0.1, 0.1, 0.1, some)], [finding('key', 0.4, 0.5, 0.6, some)]),
  );
  assert.equal(isRegression(unsteady ?? []), false);
  assert.equal(isRegression(steady ?? []), true);
});

test('a few percent are within what two runs of the same program differ by, however alike their rounds are', () => {
  const judged = (now: number) =>
    compareFindings([finding('key', now, now, now)], [finding('key', 1, 1, 1)])[0]?.verdict;
  assert.deepEqual([0.93, 1.07, 0.91].map(judged), ['', '', 'WORSE']);
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
