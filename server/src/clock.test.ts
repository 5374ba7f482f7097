import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isoTime } from './clock.ts';

test('a time is shown as Date would show it, on any day and at every edge of one', () => {
  const times = [0, -1, 1, 999, 59_999, 3_599_999, 86_399_999, 86_400_000, 1_709_164_800_000, 8_640_000_000_000_000];
  for (let index = 0; index < 20_000; index++) times.push(Math.floor(((index * 7_919) % 20_011) * 1e8) + index);
  for (const ms of times) assert.equal(isoTime(ms), new Date(ms).toISOString());
});

test('what is no time is refused, again and again', () => {
  for (const ms of [Number.NaN, Number.POSITIVE_INFINITY, 1e16]) {
    for (let time = 0; time < 2; time++) assert.throws(() => isoTime(ms), RangeError);
    for (let time = 0; time < 2; time++) assert.equal(isoTime(0), '1970-01-01T00:00:00.000Z');
  }
});
