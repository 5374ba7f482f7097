import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newId } from './id.ts';
import { decodeCursor, encodeCursor } from './page-cursor.ts';

const refused = { name: 'AppError', code: 'validation_failed' };

test('a cursor is read back, and every other text is refused', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 999_999_999_999_999 }),
      fc.string(),
      fc.constantFrom('doc', 'evt'),
      (at, tail, prefix) => {
        const cursor = { at, id: newId(prefix) };
        const text = encodeCursor(cursor);
        assert.deepEqual(decodeCursor(text, prefix), cursor);
        assert.throws(() => decodeCursor(tail, prefix), refused);
        if (tail !== '') assert.throws(() => decodeCursor(text + tail, prefix), refused);
      },
    ),
  );
  const id = newId('doc');
  for (const text of [
    '',
    '1.',
    '1.doc_x',
    `-1.${id}`,
    `01.${id}`,
    `1e3.${id}`,
    `1000000000000000.${id}`,
    `1.${newId('acc')}`,
    `1.${newId('evt')}`,
    `1.doc_${'A'.repeat(32)}`,
    `1.${id}\n`,
    `1.${id}\0`,
    Buffer.from(`1.${id}`).toString('base64url'),
  ]) {
    assert.throws(() => decodeCursor(text, 'doc'), refused, text);
  }
});

test('no cursor is the first page', () => {
  assert.equal(decodeCursor(undefined, 'doc'), null);
});
