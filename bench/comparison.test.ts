import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { compareFindings, readFindings } from './comparison.ts';
import type { Finding } from './finding.ts';

const finding = (name: string, lower: number, median: number, upper: number): Finding => ({
  name,
  unit: '×',
  lower,
  median,
  upper,
  wanted: null,
});

test('a finding whose middle half has left that of the earlier run is said to differ, in either direction', () => {
  const before = [finding('key', 0.4, 0.5, 0.6)];
  const differs = ([lower, median, upper]: [number, number, number]) =>
    compareFindings([finding('key', lower, median, upper)], before)[0]?.differs;
  assert.equal(differs([0.2, 0.3, 0.39]), 'yes');
  assert.equal(differs([0.61, 0.7, 0.8]), 'yes');
  assert.equal(differs([0.2, 0.3, 0.41]), 'no');
  assert.equal(differs([0.45, 0.5, 0.55]), 'no');
});

test('the change is that of the median, in percent', () => {
  const [compared] = compareFindings([finding('key', 0.4, 0.4, 0.4)], [finding('key', 0.5, 0.5, 0.5)]);
  assert.equal(compared?.change, '-20.0 %');
  assert.equal(compared?.before, '0.50 (0.50 to 0.50)');
});

test('a finding that only one of the runs has is shown and not compared', () => {
  const rows = compareFindings([finding('new', 1, 1, 1)], [finding('gone', 1, 1, 1)]);
  assert.deepEqual(
    rows.map(({ name, now, before, differs }) => [name, now, before, differs]),
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
