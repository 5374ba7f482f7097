import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createAccountTurns } from './account-turns.ts';

test('work of one account is done one after the other in the order it came, also after a failure; others’ goes on meanwhile', async () => {
  const inTurn = createAccountTurns();
  const began: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const start = (accountId: string, name: string) =>
    inTurn(accountId, () => {
      began.push(name);
      const gate = Promise.withResolvers<void>();
      gates.set(name, gate);
      return gate.promise;
    });
  const first = start('ada', 'ada 1');
  const second = start('ada', 'ada 2');
  const third = start('ada', 'ada 3');
  const other = start('bob', 'bob 1');
  await setImmediate();
  assert.deepEqual(began, ['ada 1', 'bob 1']);
  gates.get('ada 1')?.reject(new Error('planned'));
  await assert.rejects(first, /planned/);
  await setImmediate();
  assert.deepEqual(began, ['ada 1', 'bob 1', 'ada 2']);
  gates.get('ada 2')?.resolve();
  await second;
  await setImmediate();
  assert.equal(began.at(-1), 'ada 3');
  gates.get('ada 3')?.resolve();
  gates.get('bob 1')?.resolve();
  await Promise.all([third, other]);
  const again = start('ada', 'ada 4');
  await setImmediate();
  gates.get('ada 4')?.resolve();
  await again;
});

test('whose turn comes too late is told so, and their work is not begun', async (t) => {
  const inTurn = createAccountTurns();
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const held = Promise.withResolvers<void>();
  const first = inTurn('ada', () => held.promise);
  let hasBegun = false;
  const late = inTurn('ada', async () => {
    hasBegun = true;
  });
  await setImmediate();
  now = 5_001;
  held.resolve();
  await first;
  await assert.rejects(late, { code: 'unavailable', retryAfterSeconds: 1 });
  assert.equal(hasBegun, false);
});
