import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findingOf } from './finding.ts';
import { fillPage } from './page.ts';
import { newResult } from './result.ts';

const docs = join(import.meta.dirname, '../docs');
const page = readFileSync(join(docs, 'performance.md'), 'utf8');

test('the page shows each figure, what is wanted of it, and a miss as a miss', () => {
  const result = newResult('npm run bench');
  result.findings.push(findingOf('start', 'ms', 'less', [700], 600), findingOf('logins', '/s', 'more', [100], 90));
  result.findings.push(findingOf('told', 'ms', 'less', [1]));
  const filled = fillPage(page, result);
  assert.match(filled, /Of 2 figures of which something is wanted, 1 are as wanted\./);
  assert.match(filled, /\| start \| 700 ms \| 700 to 700 \| ≤ 600 \| \*\*no\*\* \|/);
  assert.match(filled, /\| logins \| 100 \/s \| 100 to 100 \| ≥ 90\.0 \| yes \|/);
  assert.match(filled, /\| told \| 1\.00 ms \| 1\.00 to 1\.00 \|\n/);
  assert.equal(fillPage(filled, result), filled);
});

test('a page without marks is refused', () => {
  assert.throws(() => fillPage('# Performance', newResult('')), /no mark/);
});

test('the tables of the page are those of the result that is kept', () => {
  const kept = join(docs, 'performance.json');
  if (existsSync(kept)) assert.equal(page, fillPage(page, JSON.parse(readFileSync(kept, 'utf8'))));
  else assert.match(page, /No full run has been kept yet\./);
});
