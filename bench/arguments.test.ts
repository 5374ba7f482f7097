import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWanted, readArguments } from './arguments.ts';

test('without arguments everything is measured in full on SQLite, and nothing is compared or written', () => {
  assert.deepEqual(readArguments([]), { quick: false, postgres: false, only: [], compare: null, out: null });
});

test('each option is read, and --only adds up', () => {
  const words = [
    '--quick',
    '--postgres',
    '--only',
    'inksong-key',
    '--only=raw',
    '--compare',
    'a.json',
    '--out',
    'b.json',
  ];
  const read = { quick: true, postgres: true, only: ['inksong-key', 'raw'], compare: 'a.json', out: 'b.json' };
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
    ['inksong-key', 'raw-http', 'bare-fastify'].map((name) => isWanted({ only }, name)),
    [true, true, false],
  );
  assert.equal(isWanted({ only: [] }, 'bare-fastify'), true);
});
