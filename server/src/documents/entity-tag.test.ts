import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { entityTag, matchesStrongly, matchesWeakly, parseEntityTags } from './entity-tag.ts';

const sha = 'a'.repeat(64);
const other = 'b'.repeat(64);

test('If-Match compares strongly, If-None-Match weakly, over whole lists (RFC 9110 section 13.1)', () => {
  const table: [header: string, strongly: boolean, weakly: boolean][] = [
    [`"${sha}"`, true, true],
    [`W/"${sha}"`, false, true],
    [`w/"${sha}"`, false, false],
    ['*', true, true],
    [' * ', true, true],
    [`"${other}"`, false, false],
    [`"${other}", "${sha}"`, true, true],
    [`"${other}",W/"${sha}"`, false, true],
    [`, "${other}" ,, "${sha}",`, true, true],
    [`"a,b", "${sha}"`, true, true],
    [sha, false, false],
    [`"${sha}" "${other}"`, false, false],
    [`"${sha}`, false, false],
    [`*, "${sha}"`, false, false],
    ['', false, false],
    ['""', false, false],
  ];
  for (const [header, strongly, weakly] of table) {
    assert.equal(matchesStrongly(header, sha), strongly, `If-Match: ${header}`);
    assert.equal(matchesWeakly(header, sha), weakly, `If-None-Match: ${header}`);
  }
});

test('any list of well-formed tags is read back as it was written', () => {
  const opaque = fc.string({ unit: fc.constantFrom('a', ',', 'W', '/', '*') });
  const tag = fc.record({ opaque, weak: fc.boolean() }, { noNullPrototype: true });
  fc.assert(
    fc.property(fc.array(tag), fc.constantFrom(',', ', ', ' ,\t', ',,'), (tags, separator) => {
      const header = tags.map(({ opaque, weak }) => `${weak ? 'W/' : ''}"${opaque}"`).join(separator);
      assert.deepEqual(parseEntityTags(header), tags);
    }),
  );
});

test('no header, however hostile, matches bytes it does not name, or takes long', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 100 }), (header) => {
      if (header.trim() !== '*') assert.equal(matchesStrongly(header, sha), false);
    }),
  );
  assert.equal(matchesStrongly(`${'W/'.repeat(8000)}`, sha), false);
  assert.equal(matchesStrongly(`${'"a",'.repeat(4000)}${entityTag(sha)}`, sha), true);
});
