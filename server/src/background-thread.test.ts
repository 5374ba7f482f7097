import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBackgroundThread } from './background-thread.ts';

/** Answers with what it was asked and how many questions it has had; two words end it. */
const source = `
  import { parentPort } from 'node:worker_threads';
  let asked = 0;
  parentPort.on('message', (word) => {
    if (word === 'exit') process.exit();
    if (word === 'throw') throw new Error('thrown in the thread');
    parentPort.postMessage(word + ' ' + ++asked);
  });
  parentPort.postMessage(null);
`;
const start = () =>
  createBackgroundThread<string, string>(new URL(`data:text/javascript,${encodeURIComponent(source)}`));

test('questions asked at once are answered in turn, each with its own answer, by one thread', async () => {
  const thread = start();
  assert.deepEqual(await Promise.all(['a', 'b', 'c'].map(thread.ask)), ['a 1', 'b 2', 'c 3']);
});

test('a thread that ends fails only what it was asked, and the next question gets another thread', {
  timeout: 20_000,
}, async () => {
  const thread = start();
  for (const [word, reason] of [
    ['exit', /^Error: The thread of .* ended\.$/],
    ['throw', /^Error: thrown in the thread$/],
  ] as const) {
    assert.equal(await thread.ask('before'), 'before 1');
    const [ended, next] = await Promise.allSettled([thread.ask(word), thread.ask('next')]);
    assert.match(String(ended.status === 'rejected' && ended.reason), reason);
    assert.deepEqual(next, { status: 'fulfilled', value: 'next 1' });
    await thread.ask('exit').catch(() => {});
  }
});

test('a thread that cannot start fails what it was asked', { timeout: 20_000 }, async () => {
  const { ask } = createBackgroundThread<string, string>(new URL('data:text/javascript,process.exit()'));
  await assert.rejects(ask('a'), /ended/);
  await assert.rejects(ask('b'), /ended/);
});
