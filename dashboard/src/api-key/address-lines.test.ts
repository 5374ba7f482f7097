import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressText, isSameList, lineFaults, lineRange, readAddressLines, withAddress } from './address-lines.ts';

test('each line that has something on it is an entry, without the spaces around it', () => {
  assert.deepEqual(readAddressLines('\n 10.0.0.0/8\t\n\n  \n2001:db8::7\r\n'), [
    { line: 2, entry: '10.0.0.0/8' },
    { line: 5, entry: '2001:db8::7' },
  ]);
  assert.deepEqual(readAddressLines(' \n'), []);
});

test('a list and its text are the same thing', () => {
  const list = ['10.0.0.0/8', '2001:db8::7'];
  assert.deepEqual(
    readAddressLines(addressText(list)).map(({ entry }) => entry),
    list,
  );
  assert.equal(addressText(null), '');
});

test('spaces and empty lines change no list, the order and the entries do', () => {
  assert.ok(isSameList('10.0.0.1\n10.0.0.2', '\n10.0.0.1 \n\n10.0.0.2\n'));
  assert.ok(!isSameList('10.0.0.1\n10.0.0.2', '10.0.0.2\n10.0.0.1'));
  assert.ok(!isSameList('10.0.0.1', ''));
});

test('what the server says of the Nth entry is said at the line it was typed on', () => {
  const lines = readAddressLines('10.0.0.1\n\nnonsense\n\n\n10.0.0.1/8');
  const errors = [
    { pointer: '/allowed_ips/2', detail: 'has host bits set' },
    { pointer: '/allowed_ips/1', detail: 'is no address' },
    { pointer: '/allowed_ips', detail: 'too many' },
    { pointer: '/allowed_ips/7', detail: 'is not there' },
  ];
  assert.deepEqual(lineFaults(errors, lines), [
    { line: null, detail: 'too many' },
    { line: null, detail: 'is not there' },
    { line: 3, detail: 'is no address' },
    { line: 6, detail: 'has host bits set' },
  ]);
});

test('a line is found in its text', () => {
  const text = 'one\n\nthree\nfour';
  for (const [line, wanted] of [
    [1, 'one'],
    [2, ''],
    [3, 'three'],
    [4, 'four'],
  ] as const) {
    const { start, end } = lineRange(text, line);
    assert.equal(text.slice(start, end), wanted);
  }
});

test('an address is added on a line of its own', () => {
  assert.equal(withAddress('', '192.0.2.7'), '192.0.2.7');
  assert.equal(withAddress('10.0.0.1', '192.0.2.7'), '10.0.0.1\n192.0.2.7');
  assert.equal(withAddress('10.0.0.1\n\n', '192.0.2.7'), '10.0.0.1\n192.0.2.7');
});
