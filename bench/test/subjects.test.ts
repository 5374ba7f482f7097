import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureGrowth } from '../sections/growth.ts';
import { firstAnswer, measureLists } from '../sections/lists.ts';
import { quickSizes } from '../sizes.ts';
import { inWorkshop } from '../workshop.ts';

const tiny = { ...quickSizes, rounds: 1, roundMs: 50, accounts: 64, manyAccounts: 100, manyDocuments: 200 };

const lists = [
  'bare-fastify',
  'hand-written-key',
  'hand-written-bearer',
  'inksong-unguarded',
  'inksong-key',
  'inksong-bearer',
  'inksong-decision',
  'inksong-allowlist',
];

test('every subject that needs nothing installed starts, gives the answer that is compared, and is measured', async () => {
  await inWorkshop(tiny, async (workshop) => {
    const answer = await firstAnswer(workshop);
    const { items } = JSON.parse(answer.text);
    assert.equal(items.length, 20);
    const { subjects, findings } = await measureLists(workshop, lists, answer);
    assert.deepEqual(
      subjects.map(({ name }) => name),
      lists,
    );
    for (const { name, cpuMicroseconds } of subjects) assert.ok(cpuMicroseconds.median > 0, name);
    assert.ok(findings.some(({ name }) => name === 'CPU a request: inksong-key − inksong-unguarded'));

    const growth = await measureGrowth(workshop, ['inksong-many-accounts', 'inksong-many-documents'], answer.text);
    assert.deepEqual(
      growth.findings.map(({ name }) => name),
      [
        'CPU a request: inksong-many-accounts / inksong-few-accounts',
        'CPU a request: inksong-many-documents / inksong-few-documents',
        'requests a second: inksong-deepest-page / inksong-many-documents',
      ],
    );
  });
});

test('a subject that answers something else is not measured', async () => {
  await inWorkshop(tiny, async (workshop) => {
    const answer = await firstAnswer(workshop);
    const other = JSON.parse(answer.text);
    delete other.items[3].sha256;
    await assert.rejects(
      measureLists(workshop, ['hand-written-key'], { ...answer, text: JSON.stringify(other) }),
      /hand-written-key is not to be measured: it answers something else/,
    );
  });
});
