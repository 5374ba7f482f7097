import assert from 'node:assert/strict';
import { test } from 'node:test';
import { currentFirst } from './session-order.ts';

test('the session that asks comes first, and the others keep their order', () => {
  const sessions = [
    { id: 'a', current: false },
    { id: 'b', current: false },
    { id: 'c', current: true },
    { id: 'd', current: false },
  ];
  assert.deepEqual(
    currentFirst(sessions).map(({ id }) => id),
    ['c', 'a', 'b', 'd'],
  );
  assert.deepEqual(currentFirst([]), []);
});
