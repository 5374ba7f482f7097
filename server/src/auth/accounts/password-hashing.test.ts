import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { createPasswords } from './password.ts';
import { verifyPassword } from './password-hashing.ts';

/** The priority of each thread of this process, by its id, as Linux tells them. */
function threadPriorities(): Map<number, number> {
  return new Map(
    readdirSync('/proc/self/task').map((id) => {
      const fields = readFileSync(`/proc/self/task/${id}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      return [Number(id), Number(fields[16])];
    }),
  );
}

test('passwords are hashed by two threads, whose priority alone is lowered, or nobody’s where threads have none of their own', async () => {
  const usual = getPriority();
  const passwords = createPasswords();
  await Promise.all(Array.from({ length: 12 }, () => passwords.hash('five unrelated words do well')));
  // The threads of libuv are started when first needed.
  await stat('.');
  assert.equal(getPriority(), usual);
  if (process.platform !== 'linux') return;
  const priorities = threadPriorities();
  const lowered = Math.min(usual + 10, 19);
  assert.equal(priorities.get(process.pid), usual);
  // Whoever runs the tests at the lowest priority there is sees no difference.
  const others = [...priorities.values()].filter((priority) => priority !== usual);
  assert.deepEqual(others, lowered === usual ? [] : [lowered, lowered]);
});

test('a hash whose thread ends is the only one that fails', { timeout: 20_000 }, async () => {
  const passwords = createPasswords();
  const phc = await passwords.hash('five unrelated words do well');
  const [broken, other] = await Promise.allSettled([
    verifyPassword('not a PHC string', 'five unrelated words do well'),
    passwords.verify(phc, 'five unrelated words do well'),
  ]);
  assert.equal(broken.status, 'rejected');
  assert.deepEqual(other, { status: 'fulfilled', value: true });
  // Both at once, so that the thread that ended is asked too.
  const both = ['another password', 'five unrelated words do well'].map((typed) => passwords.verify(phc, typed));
  assert.deepEqual(await Promise.all(both), [false, true]);
  assert.deepEqual(passwords.load(), { hashing: 0, waiting: 0 });
});

test('a process loads argon2 only to hash, and ends while its threads are idle', async () => {
  const program = `
    import { createPasswords } from ${JSON.stringify(import.meta.resolve('./password.ts'))};
    const isLoaded = () => process.report.getReport().sharedObjects.some((path) => path.includes('argon2'));
    const passwords = createPasswords();
    const before = isLoaded();
    await Promise.all([passwords.hash('a'), passwords.hash('b')]);
    console.log(before, isLoaded());
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], {
    timeout: 30_000,
  });
  assert.equal(stdout, 'false true\n');
});
