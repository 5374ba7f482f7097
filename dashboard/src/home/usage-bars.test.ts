import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chartOf, parts, ticksUpTo } from './usage-bars.ts';
import { countsText, dayText } from './usage-text.ts';

const none = { success: 0, refused: 0, failed: 0 };

test('an axis holds the highest bar, in at most four equal steps of whole, round requests', () => {
  assert.deepEqual(ticksUpTo(0), [0, 1]);
  assert.deepEqual(ticksUpTo(1), [0, 1]);
  assert.deepEqual(ticksUpTo(3), [0, 1, 2, 3]);
  assert.deepEqual(ticksUpTo(7), [0, 2, 4, 6, 8]);
  assert.deepEqual(ticksUpTo(1_312), [0, 500, 1_000, 1_500]);
  for (let most = 1; most < 200_000; most = Math.ceil(most * 1.07)) {
    const ticks = ticksUpTo(most);
    const top = ticks.at(-1) ?? 0;
    assert.ok(ticks.length <= 5 && top >= most && most > top - (ticks[1] ?? 0), `${most}: ${ticks}`);
    assert.ok(ticks.every(Number.isInteger), `${most}: ${ticks}`);
  }
});

test('a bar is as high as its requests, each part on top of the one before, and nothing is counted twice', () => {
  const busy = {
    day: '2026-01-30',
    api_key: { success: 5, refused: 2, failed: 1 },
    bearer: { ...none, success: 3, refused: 1 },
  };
  const { bars, ticks, totals } = chartOf([
    busy,
    { day: '2026-01-31', api_key: none, bearer: { ...none, success: 1 } },
  ]);
  const [bar, quiet] = bars;
  assert.deepEqual(ticks, [0, 5, 10, 15]);
  assert.deepEqual(
    bar?.segments.map(({ part, from, height }) => [part, Math.round(from * 15), Math.round(height * 15)]),
    [
      ['key', 0, 5],
      ['bearer', 5, 3],
      ['refused', 8, 3],
      ['failed', 11, 1],
    ],
  );
  assert.deepEqual(
    quiet?.segments.map(({ part }) => part),
    ['bearer'],
  );
  assert.deepEqual(totals, { key: 5, bearer: 4, refused: 3, failed: 1, total: 13 });
  assert.equal(
    parts.reduce((all, part) => all + totals[part], 0),
    totals.total,
  );
});

test('days without a request are bars without parts', () => {
  const { bars, ticks, totals } = chartOf([{ day: '2026-01-31', api_key: none, bearer: none }]);
  assert.deepEqual([bars[0]?.segments, ticks, totals.total], [[], [0, 1], 0]);
});

test('counts and days are said in the reader’s language, and a UTC day stays that day', () => {
  assert.equal(
    countsText({ key: 1_200, bearer: 1, refused: 0, failed: 0, total: 1_201 }, 'en'),
    '1,201 requests: 1,200 with the key, 1 with Bearer tokens, 0 refused',
  );
  assert.match(countsText({ key: 0, bearer: 0, refused: 0, failed: 1, total: 1 }, 'en'), /^1 request: .*, 1 failed$/);
  assert.equal(countsText({ key: 0, bearer: 0, refused: 0, failed: 0, total: 0 }), 'No requests');
  assert.equal(dayText('2026-01-31', 'en'), 'Jan 31');
});
