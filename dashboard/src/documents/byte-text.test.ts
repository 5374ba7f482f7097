import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteText, exactByteText } from './byte-text.ts';

test('sizes are told in the unit that people would choose', () => {
  const sizes: [number, string][] = [
    [0, '0 bytes'],
    [1, '1 byte'],
    [999, '999 bytes'],
    [1_000, '1 kB'],
    [4_213, '4.2 kB'],
    [42_130, '42 kB'],
    [999_499, '999 kB'],
    [999_500, '1 MB'],
    [26_214_400, '26 MB'],
    [1_073_741_824, '1.1 GB'],
    [5_000_000_000_000_000, '5,000 TB'],
  ];
  for (const [bytes, text] of sizes) assert.equal(byteText(bytes, 'en'), text);
  assert.equal(exactByteText(26_214_400, 'en'), '26,214,400 bytes');
});
