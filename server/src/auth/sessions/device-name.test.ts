import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { deviceName } from './device-name.ts';

test('browsers are named with their system, programs by their own name', () => {
  const expected: [userAgent: string, name: string][] = [
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
      'Chrome on Windows',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
      'Safari on iOS',
    ],
    ['curl/8.5.0', 'curl'],
    ['python-requests/2.32.3', 'python-requests'],
    ['node', 'node'],
    ['', 'Unknown device'],
    ['<script>alert(1)</script>', 'Unknown device'],
  ];
  for (const [userAgent, name] of expected) assert.equal(deviceName(userAgent), name);
});

test('any user agent gets a short name of harmless characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 256 }), (userAgent) => {
      assert.match(deviceName(userAgent), /^[\w .()/-]{1,80}$/);
    }),
  );
});
