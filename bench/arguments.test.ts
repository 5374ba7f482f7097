import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWanted, readArguments } from './arguments.ts';

test('without arguments everything is measured in full, and nothing is compared or written', () => {
  assert.deepEqual(readArguments([]), { quick: false, only: [], compare: null, out: null, page: null });
});

test('each option is read, and --only adds up', () => {
  const words = [
    '--quick',
    '--only',
    'inksong-key',
    '--only=raw',
    '--compare',
    'a.json',
    '--out',
    'b.json',
    '--page',
    'c.md',
  ];
  const read = { quick: true, only: ['inksong-key', 'raw'], compare: 'a.json', out: 'b.json', page: 'c.md' };
  assert.deepEqual(readArguments(words), read);
});

for (const words of [['--fast'], ['--only'], ['inksong'], ['--quick=yes']]) {
  test(`${words.join(' ')} is refused with the usage`, () => {
    assert.throws(() => readArguments(words), /npm run bench -- \[options\]/);
  });
}

test('--only takes what has one of its words in the name', () => {
  const only = ['inksong', 'raw'];
  assert.deepEqual(
    ['inksong-key', 'raw-http', 'bare-fastify'].map((name) => isWanted({ quick: true, only }, name)),
    [true, true, false],
  );
  assert.equal(isWanted({ quick: false, only: [] }, 'raw-http'), true);
});

test('a quick run leaves out what it is not compared by', () => {
  const names = ['inksong-key', 'hand-written-key', 'raw-http', 'better-auth-session', 'inksong-logins'];
  assert.deepEqual(
    names.map((name) => isWanted({ quick: true, only: [] }, name)),
    [true, true, false, false, false],
  );
});
