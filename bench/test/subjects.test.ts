import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { measureGrowth } from '../sections/growth.ts';
import { firstAnswer, measureLists, recipes } from '../sections/lists.ts';
import { quickSizes } from '../sizes.ts';
import { ask } from '../subject.ts';
import { inWorkshop } from '../workshop.ts';

const tiny = {
  ...quickSizes,
  warmUp: { requests: 50, forMs: 50 },
  rounds: 1,
  roundMs: 50,
  accounts: 64,
  manyAccounts: 100,
  manyDocuments: 200,
};

const lists = [
  'raw-http-key',
  'bare-fastify',
  'hand-written-unguarded',
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
        'CPU a request: inksong-deepest-page / inksong-many-documents',
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

test('every subject writes the same fields to its log, for each request', async () => {
  await inWorkshop(tiny, async (workshop) => {
    const answer = await firstAnswer(workshop);
    const fieldsOf = async (name: string): Promise<string[]> => {
      const { program, requests } = (await recipes[name]?.(workshop, answer)) ?? assert.fail(name);
      const server = await workshop.start(program);
      const [first] = await requests();
      if (first) await ask(server.port, first);
      await workshop.stop(server);
      const lines = readFileSync(join(workshop.folder, `${program.name}.log`), 'utf8')
        .trim()
        .split('\n');
      const written = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request');
      assert.ok(written.length >= 2, `${name} logs the request of its start and this one`);
      return Object.keys(written.at(-1)).sort();
    };
    const fields = new Map<string, string[]>();
    for (const name of ['raw-http', ...lists]) fields.set(name, await fieldsOf(name));
    for (const [name, own] of fields) assert.deepEqual(own, fields.get('inksong-key'), name);
  });
});
