import assert from 'node:assert/strict';
import { test } from 'node:test';
import RateLimiterRes from 'rate-limiter-flexible/lib/RateLimiterRes.js';
import { createLimits } from './limits.ts';
import { createMemoryLimiter, rememberedCallers } from './memory-limiter.ts';

const rate = { points: 2, seconds: 60 };

test('memory stays bounded with 100,000 callers: those not seen for longest are forgotten, the latest are not', async () => {
  const limiter = createMemoryLimiter(rate);
  await limiter.consume('first');
  for (let caller = 0; caller < 100_000; caller++) {
    await limiter.consume(`caller${caller}`);
    if (caller % 5_000 === 0) await limiter.consume('regular').catch(() => {});
    assert.ok(limiter.size() <= rememberedCallers);
  }
  assert.equal((await limiter.consume('first')).consumedPoints, 1, 'forgotten');
  assert.equal((await limiter.consume('caller99999')).consumedPoints, 2, 'remembered');
  await assert.rejects(limiter.consume('regular'), (refusal) => refusal instanceof RateLimiterRes);
});

test('a clock that jumps back by an hour keeps nobody out for longer than the window', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const limiter = createMemoryLimiter(rate);
  await limiter.consume('caller');
  await limiter.consume('caller');
  const before = Date.now();
  t.mock.method(Date, 'now', () => before - 3_600_000);
  await assert.rejects(limiter.consume('caller'));
  t.mock.timers.tick(60_000);
  await limiter.consume('caller');
});

test('whoever is over a shared limit is refused from memory until the window ends, and that memory is bounded', async () => {
  let now = 0;
  const asked: string[] = [];
  const limits = createLimits(
    {
      purge: async () => {},
      counter: () => ({
        async consume(key) {
          asked.push(key);
          throw new RateLimiterRes(0, 30_000);
        },
      }),
    },
    { auth: rate, refresh: null, api: null },
    () => now,
  );
  const address = (index: number): string =>
    `2001:db8:${(index >> 16).toString(16)}:${(index & 0xffff).toString(16)}::1`;
  for (let index = 0; index < 100_000; index++) {
    const state = await limits.take('auth', address(index));
    assert.deepEqual([state?.refused, state?.resetSeconds], [true, 30]);
  }
  assert.equal(asked.length, 100_000);
  await limits.take('auth', address(99_999));
  assert.equal(asked.length, 100_000, 'the latest is refused without asking the database');
  await limits.take('auth', address(0));
  assert.equal(asked.length, 100_001, 'the first is forgotten, and the database asked again');
  now = 30_001;
  await limits.take('auth', address(99_999));
  assert.equal(asked.length, 100_002, 'once the window is over the database is asked again');
});
