import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockFault, clockOffsetMs } from './clock-check.ts';

/** The offset found when the clock here says `before` and `after` around an answer of `database`. */
function offset(before: number, database: number, after: number): Promise<number> {
  const times = [before, after];
  return clockOffsetMs(async () => database, { now: () => times.shift() ?? Number.NaN });
}

test('a slow answer is no difference between clocks; only what it cannot explain is', async () => {
  assert.equal(await offset(1_000, 1_000, 1_000), 0);
  assert.equal(await offset(1_000, 45_000, 90_000), 0);
  assert.equal(await offset(1_000, 900, 1_010), 100, 'ahead');
  assert.equal(await offset(1_000, 2_000, 1_010), -990, 'behind');
  assert.equal(await offset(90_000, 45_000, 1_000), 0, 'the clock was set back meanwhile');
});

test('up to 30 seconds are borne, either way; beyond, the sentence says how much and which way', () => {
  for (const ms of [0, 30_000, -30_000]) assert.equal(clockFault(ms), null);
  assert.match(
    clockFault(30_001) ?? '',
    /^This node's clock is 30 seconds ahead of the database's; have both set by NTP\.$/,
  );
  assert.match(clockFault(-1_200_000) ?? '', /^This node's clock is 1200 seconds behind the database's/);
});
