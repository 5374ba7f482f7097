import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingsOfPairs } from './pairs.ts';
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
      ['inksong-unguarded', samplesOf([60, 90], [60, 58])],
    ]),
  );
  assert.deepEqual(
    findings.map(({ name, median, unit, wanted }) => [name, median, unit, wanted]),
    [
      ['requests a second: inksong-unguarded / bare-fastify', 0.525, '×', null],
      ['requests a second: inksong-key / bare-fastify', 0.45, '×', { atLeast: 0.45 }],
      ['CPU a request: inksong-key − inksong-unguarded', 12, 'µs', { atMost: 15 }],
      ['requests a second: inksong-key / inksong-unguarded', (50 / 60 + 80 / 90) / 2, '×', null],
    ],
  );
});
