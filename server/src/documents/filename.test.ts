import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create as contentDisposition, parse } from 'content-disposition';
import fc from 'fast-check';
import { isTitle, titleOfFilename } from './document.ts';
import { filenameOfTitle, toFilename } from './filename.ts';

const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom('/', '\\', '\0', '\r', '\n', '"', '.', '\ud800', ' '),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 400,
});

test('of a path, of whichever system, the last segment is kept', () => {
  const table: [said: string, kept: string][] = [
    ['report.pdf', 'report.pdf'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\me\\report.pdf', 'report.pdf'],
    ['a/b\\c.txt', 'c.txt'],
    ['a\r\nSet-Cookie: x=1', 'aSet-Cookie: x=1'],
    ['nul\0byte.txt', 'nulbyte.txt'],
    ['日本語 ü 🦑.txt', '日本語 ü 🦑.txt'],
    ['lone\ud800.txt', 'lone\ufffd.txt'],
    ['', 'untitled'],
    ['..', 'untitled'],
    ['folder/', 'untitled'],
    ['\x01\x02', 'untitled'],
    ['   ', 'untitled'],
    ['🦑'.repeat(300), '🦑'.repeat(255)],
  ];
  for (const [said, kept] of table) assert.equal(toFilename(said), kept);
  assert.equal(filenameOfTitle('Q1/Q2 report'), 'Q1-Q2 report');
});

test('whatever a client says, a file name is safe to keep, makes a title, and survives the download header', () => {
  fc.assert(
    fc.property(anyText, (said) => {
      const name = toFilename(said);
      assert.ok(Array.from(name).length >= 1 && Array.from(name).length <= 255);
      assert.ok(name.isWellFormed() && !/[\p{Cc}/\\]/u.test(name) && name !== '.' && name !== '..');
      assert.ok(isTitle(titleOfFilename(name)));
      assert.equal(toFilename(name), name);
      assert.equal(parse(contentDisposition(name)).parameters.filename, name);
    }),
  );
});
