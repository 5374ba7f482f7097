import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { createBatchedReads } from './batched-reads.ts';

interface Row {
  key: string;
  version: number;
}

/** A database of one counter for all keys, whose connections and answers come when the test says so. */
function stage() {
  const waiting: { give(): void; refuse(error: Error): void }[] = [];
  const sent: { keys: readonly string[]; answer(): void; fail(error: Error): void }[] = [];
  const state = { version: 0 };
  const look = createBatchedReads<string, Row, object>({
    async withConnection(send) {
      await new Promise<void>((resolve, reject) => waiting.push({ give: resolve, refuse: reject }));
      await send({});
    },
    read(_connection, keys) {
      // What a statement finds is settled while it runs, at the earliest when it is sent.
      const { version } = state;
      return new Promise((resolve, reject) => {
        const rows = keys.filter((key) => key !== 'absent').map((key) => ({ key, version }));
        sent.push({ keys, answer: () => resolve(rows), fail: reject });
      });
    },
    keyOf: ({ key }) => key,
    longestBatch: 5,
  });
  return { look, waiting, sent, state };
}

test('look-ups that wait for a connection together are one statement, with each key once; an absent key is null', async () => {
  const { look, waiting, sent } = stage();
  const answers = [look('a'), look('b'), look('a'), look('absent')];
  assert.equal(waiting.length, 1);
  waiting[0]?.give();
  await setImmediate();
  assert.deepEqual(
    sent.map(({ keys }) => keys),
    [['a', 'b', 'absent']],
  );
  sent[0]?.answer();
  const [a, b, again, absent] = await Promise.all(answers);
  assert.deepEqual([a?.key, b?.key, again?.key, absent], ['a', 'b', 'a', null]);
});

test('a look-up that comes after the statement was sent is in another one, which is sent without waiting for the first', async () => {
  const { look, waiting, sent, state } = stage();
  const early = look('a');
  waiting[0]?.give();
  await setImmediate();
  assert.equal(sent.length, 1);
  state.version = 1;
  const late = look('a');
  assert.equal(waiting.length, 2);
  waiting[1]?.give();
  await setImmediate();
  assert.equal(sent.length, 2, 'while the first is still under way');
  sent[1]?.answer();
  assert.equal((await late)?.version, 1);
  sent[0]?.answer();
  assert.equal((await early)?.version, 0);
});

test('a failure reaches those who share the statement, and nobody else', async () => {
  const { look, waiting, sent } = stage();
  const noConnection = [look('a'), look('b')];
  waiting[0]?.refuse(new Error('no connection'));
  for (const answer of noConnection) await assert.rejects(answer, /no connection/);
  const failing = look('a');
  waiting[1]?.give();
  await setImmediate();
  const next = look('a');
  waiting[2]?.give();
  await setImmediate();
  sent[0]?.fail(new Error('no answer'));
  await assert.rejects(failing, /no answer/);
  sent[1]?.answer();
  assert.equal((await next)?.key, 'a');
});

test('a batch that is full is followed by another', async () => {
  const { look, waiting, sent } = stage();
  const answers = Array.from({ length: 12 }, (_, n) => look(`key${n}`));
  for (const { give } of waiting) give();
  await setImmediate();
  assert.deepEqual(
    sent.map(({ keys }) => keys.length),
    [5, 5, 2],
  );
  for (const { answer } of sent) answer();
  assert.deepEqual(
    (await Promise.all(answers)).map((row) => row?.key),
    Array.from({ length: 12 }, (_, n) => `key${n}`),
  );
});

test('whatever the order of events, no look-up is answered by what was true before it was asked', async () => {
  const event = fc.constantFrom('look', 'change', 'connect', 'answer', 'fail');
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 60 }), async (events) => {
      const { look, waiting, sent, state } = stage();
      const answers: Promise<void>[] = [];
      let given = 0;
      let answered = 0;
      for (const [index, name] of events.entries()) {
        if (name === 'look') {
          const asked = state.version;
          const checked = look(`key${index % 3}`).then(
            (row) => assert.ok((row?.version ?? -1) >= asked, `${row?.version} answers what was asked at ${asked}`),
            (error: Error) => assert.equal(error.message, 'planned'),
          );
          answers.push(checked);
        } else if (name === 'change') {
          state.version++;
        } else if (name === 'connect') {
          if (given < waiting.length) waiting[given++]?.give();
        } else if (answered < sent.length) {
          const one = sent[answered++];
          if (name === 'answer') one?.answer();
          else one?.fail(new Error('planned'));
        }
        await setImmediate();
      }
      while (given < waiting.length) waiting[given++]?.give();
      await setImmediate();
      while (answered < sent.length) sent[answered++]?.answer();
      await Promise.all(answers);
    }),
    { numRuns: 300 },
  );
});
