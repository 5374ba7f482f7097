import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toMediaType } from './media-type.ts';

test('a media type is kept as it was said, anything else is bytes of an unknown type', () => {
  const kept = [
    'text/plain',
    'text/plain; charset=utf-8',
    'text/plain;charset="utf-8"',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    'multipart/form-data; boundary=abc',
    'X/y+z;a=1; b=2',
  ];
  for (const type of kept) assert.equal(toMediaType(type), type);
  const refused = [
    undefined,
    '',
    'text',
    'text/',
    'text/plain;',
    'text/plain; charset',
    'text/plain\r\nX: y',
    'text/html; a="b',
    'text/plän',
    `text/${'a'.repeat(255)}`,
  ];
  for (const type of refused) assert.equal(toMediaType(type), 'application/octet-stream');
});

test('deciding takes time linear in the length', () => {
  assert.equal(toMediaType(`a/b${'; a=b'.repeat(45)}!`.slice(0, 254).concat(';')), 'application/octet-stream');
});
