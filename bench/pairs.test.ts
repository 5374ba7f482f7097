import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingOfTail, findingsOfPairs } from './pairs.ts';
import type { Samples } from './rounds.ts';

const samplesOf = (requestsPerSecond: number[], cpuMicroseconds: number[]): Samples => ({
  requestsPerSecond,
  cpuMicroseconds,
  p50Ms: requestsPerSecond.map(() => 1),
  p99Ms: requestsPerSecond.map(() => 2),
});

test('a pair is found where both of it were measured, with what is wanted of it', () => {
  const findings = findingsOfPairs(
    new Map([
      ['bare-fastify', samplesOf([100, 200], [40, 40])],
      ['inksong-key', samplesOf([50, 80], [70, 72])],
      ['inksong-unguarded', samplesOf([60, 90], [60, 60])],
    ]),
  );
  assert.deepEqual(
    findings.map(({ name, median, unit, better, wanted, undisturbed }) => [
      name,
      median,
      unit,
      better,
      wanted,
      undisturbed,
    ]),
    [
      ['requests a second: inksong-unguarded / bare-fastify', 0.525, '×', 'more', null, null],
      ['CPU a request: inksong-key − inksong-unguarded', 11, 'µs', 'less', 15, 10],
      ['CPU a request: inksong-key / inksong-unguarded', (70 / 60 + 72 / 60) / 2, '×', 'less', null, 70 / 60],
      ['requests a second: inksong-key / inksong-unguarded', (50 / 60 + 80 / 90) / 2, '×', 'more', null, null],
      ['requests a second: inksong-key / bare-fastify', 0.45, '×', 'more', 0.45, null],
      ['CPU a request: inksong-key / bare-fastify', 1.775, '×', 'less', null, 70 / 40],
    ],
  );
});

test('what is not steady on PostgreSQL is told, and no later run is judged by it', () => {
  const findings = findingsOfPairs(
    new Map([
      ['inksong-postgres-key', samplesOf([50], [77])],
      ['inksong-postgres-unguarded', samplesOf([50], [70])],
    ]),
  );
  assert.deepEqual(
    findings.filter(({ name }) => name.startsWith('CPU')).map(({ median, undisturbed }) => [median, undisturbed]),
    [[1.1, null]],
  );
});

test('what a competitor costs beside Inksong is the better the more it is', () => {
  const [, wanted] = findingsOfPairs(
    new Map([
      ['bare-fastify', samplesOf([100], [40])],
      ['hand-written-key', samplesOf([50], [77])],
      ['inksong-key', samplesOf([50], [70])],
    ]),
  );
  assert.deepEqual([wanted?.name, wanted?.better], ['CPU a request: hand-written-key / inksong-key', 'more']);
});

test('a tail is told in milliseconds beyond three medians, round by round', () => {
  const samples = { ...samplesOf([1, 1, 1], [1, 1, 1]), p50Ms: [2, 1, 2], p99Ms: [8, 20, 5] };
  const { median, better, wanted } = findingOfTail('inksong-decision', samples);
  assert.deepEqual([median, better, wanted], [2, 'less', 5]);
});
