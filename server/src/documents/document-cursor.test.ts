import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newId } from '../id.ts';
import { decodeCursor, encodeCursor } from './document-cursor.ts';

test('a cursor is read back, and every other text is refused', () => {
  fc.assert(
    fc.property(fc.nat(), fc.string(), (createdAt, tail) => {
      const cursor = { createdAt, id: newId('doc') };
      const text = encodeCursor(cursor);
      assert.deepEqual(decodeCursor(text), cursor);
      assert.equal(decodeCursor(tail), null);
      if (tail !== '') assert.equal(decodeCursor(text + tail), null);
    }),
  );
  for (const inner of [
    '',
    '1.',
    '-1.doc_x',
    `1.${newId('acc')}`,
    `01.${newId('doc')}`,
    `1.${newId('doc').toUpperCase()}`,
  ]) {
    assert.equal(decodeCursor(Buffer.from(inner).toString('base64url')), null, inner);
  }
});
