import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseEmail } from './email.ts';

/** Letters that change their length, or compose with the mark behind them, when their case changes. */
const oddLetters = fc
  .array(fc.constantFrom(...'aAjJhHtTwWyYİIıßẞΣςΩÅåÉéﬁ', '\u030c', '\u0307', '\u0301', '\u0331', '\u0308'), {
    minLength: 1,
  })
  .map((letters) => letters.join(''));
const address = fc.oneof(
  fc.emailAddress(),
  fc.tuple(oddLetters, oddLetters).map(([local, domain]) => `${local}@${domain}`),
  fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' })).map((parts) => parts.join('@')),
);

test('an address is stored in one form: reading that form again changes nothing', () => {
  assert.equal(
    parseEmail('J\u030c@example.com'),
    '\u01f0@example.com',
    'lower case may compose where upper case did not',
  );
  fc.assert(
    fc.property(address, (text) => {
      const email = parseEmail(text);
      if (email === null) return;
      assert.equal(parseEmail(email), email);
      assert.equal(email.normalize('NFC'), email);
      assert.equal(email.toLowerCase(), email);
    }),
    { numRuns: 2_000 },
  );
});

test('composed or decomposed, in capitals or not, it is the same address', () => {
  fc.assert(
    fc.property(address, (text) => {
      const email = parseEmail(text);
      assert.equal(parseEmail(text.normalize('NFD')), email);
      assert.equal(parseEmail(text.normalize('NFC')), email);
      assert.equal(parseEmail(text.toLowerCase()), email);
    }),
    { numRuns: 2_000 },
  );
  fc.assert(
    fc.property(fc.emailAddress(), (text) => {
      assert.equal(parseEmail(text.toUpperCase()), parseEmail(text));
    }),
  );
});

test('ordinary addresses are taken', () => {
  fc.assert(
    fc.property(fc.emailAddress(), (text) => {
      assert.equal(parseEmail(text), text.toLowerCase());
    }),
  );
  for (const text of [
    'a@b',
    "o'hara+tag@sub.example.co.uk",
    'jörg@bücher.example',
    '用户@例子.广告',
    '👍@example.com',
  ]) {
    assert.equal(parseEmail(text), text);
  }
});

test('what is taken has one @ between two parts, no space, control character or quoting, and fits the standard’s lengths', () => {
  for (const text of [
    ...['', '@', 'a', 'a@', '@b', 'a@b@c', 'a@@b', ' a@b', 'a@b ', 'a b@c', 'a@b\r\nBcc: c@d', 'a\0@b', 'a@b\u2028'],
    ...['"a"@b', 'a<b>@c', 'a,b@c', 'a;b@c', '(a)@b', 'a@[127.0.0.1]', 'a\\@b', 'a:b@c', 'a\u202e@b', '\ud800@b'],
    ...[`${'a'.repeat(65)}@b`, `a@${'b'.repeat(253)}`, `${'a'.repeat(64)}@${'b'.repeat(190)}`],
  ]) {
    assert.equal(parseEmail(text), null, JSON.stringify(text));
  }
  assert.notEqual(parseEmail(`${'a'.repeat(64)}@${'b'.repeat(189)}`), null, 'the longest that fits');
  const hostile = fc.tuple(address, fc.constantFrom(...' \t\r\n\0\u00a0\u2028\u200e\ufeff@<>()[]\\,;:"'), fc.nat());
  fc.assert(
    fc.property(hostile, ([text, character, at]) => {
      const index = at % (text.length + 1);
      const email = parseEmail(text.slice(0, index) + character + text.slice(index));
      assert.equal(email, null);
    }),
  );
});

test('a long text is judged at once', () => {
  for (const text of [
    'a'.repeat(1e6),
    '@'.repeat(1e6),
    `a@${'.'.repeat(1e6)}`,
    `${'a'.repeat(64)}@${'a'.repeat(180)} `,
  ]) {
    const started = performance.now();
    parseEmail(text);
    assert.ok(performance.now() - started < 500, `${text.length} characters`);
  }
});
