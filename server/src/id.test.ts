import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idPattern, newOrderedId } from './id.ts';

test('ordered ids are ids, differ, and each sorts after the one before, also when time stands still or goes back', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  const ids: string[] = [];
  // More than are counted within one millisecond.
  for (let count = 0; count < 70_000; count++) ids.push(newOrderedId('evt'));
  t.mock.timers.setTime(Date.now() - 3_600_000);
  for (let count = 0; count < 10; count++) ids.push(newOrderedId('evt'));
  assert.equal(
    ids.find((id, index) => index > 0 && id <= (ids[index - 1] ?? '')),
    undefined,
  );
  for (const id of ids) assert.match(id, new RegExp(idPattern('evt')));
});
