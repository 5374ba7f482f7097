import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { archiveNameOf } from './archive-name.ts';

const id = `doc_${'0'.repeat(32)}`;
const nameOf = (filename: string) => archiveNameOf({ id, filename }).slice(`documents/${id}-`.length);

test('an ordinary name stays as it is, in any script', () => {
  for (const name of ['minutes.md', 'Größe & Maß (2).pdf', '報告書.txt', '.env', 'a b.c'])
    assert.equal(nameOf(name), name);
});

test('what could leave the folder, fool a reader or fail on some system is replaced', () => {
  const expected: [filename: string, name: string][] = [
    ['../../etc/passwd', '.._.._etc_passwd'],
    ['..\\..\\x', '.._.._x'],
    ['C:\\x', 'C__x'],
    ['a:stream', 'a_stream'],
    ['..', 'untitled'],
    ['', 'untitled'],
    ['trailing. . ', 'trailing'],
    ['a\u0000b\nc', 'a_b_c'],
    ['exe\u202Etxt.pdf', 'exe_txt.pdf'],
    ['half \uD83D', 'half _'],
    ['<>:"/\\|?*', '_________'],
    ['🔑'.repeat(255), '🔑'.repeat(45)],
  ];
  for (const [filename, name] of expected) assert.equal(nameOf(filename), name);
});

test('any name becomes one segment below documents/ of at most 255 bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (filename) => {
      const [folder, name = '', ...more] = archiveNameOf({ id, filename }).split(/[/\\]/);
      assert.equal(folder, 'documents');
      assert.deepEqual(more, []);
      assert.ok(name.startsWith(`${id}-`));
      assert.ok(Buffer.byteLength(name) <= 255);
      assert.ok(name.isWellFormed());
      assert.doesNotMatch(name, /\p{Cc}|[. ]$/u);
    }),
  );
});
