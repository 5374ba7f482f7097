import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { passwordWeakness } from './password-strength.ts';

const good = 'five unrelated words do well';

/** Sets the clock of timers a minute ahead once what is under way has got as far as it can without the event loop. */
async function passAMinute(t: TestContext): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await null;
  t.mock.timers.tick(60_000);
}

test('a check waits for the start of its thread, however long that takes, and no longer than ten seconds for its answer', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const first = passwordWeakness(good, 'ada@example.com');
  await passAMinute(t);
  assert.equal(await first, null, 'the minute passed while the thread was starting');

  const second = passwordWeakness(good, 'ada@example.com');
  const refused = assert.rejects(second, { name: 'AppError', code: 'overloaded' });
  await passAMinute(t);
  await refused;
  assert.equal(await passwordWeakness(good, 'ada@example.com'), null, 'the next one gets another thread');
});
