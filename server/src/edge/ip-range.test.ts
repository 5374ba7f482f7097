import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readIpRange } from './ip-range.ts';

test('every address and range has one spelling, whoever wrote it', () => {
  const canonical: [string, string][] = [
    ['192.0.2.7', '192.0.2.7'],
    ['192.0.2.7/32', '192.0.2.7'],
    ['192.0.2.0/24', '192.0.2.0/24'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:DB8:0:0:0:0:0:7', '2001:db8::7'],
    ['2001:0db8::7/128', '2001:db8::7'],
    ['2001:db8:0:0::/32', '2001:db8::/32'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::/0', '::/0'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ];
  for (const [text, range] of canonical) assert.deepEqual(readIpRange(text), { range }, text);
});

test('each form that programs read differently is refused, naming it and what was probably meant', () => {
  const refused: [string, string][] = [
    ['10.0.0.5/24', '10.0.0.5/24 has host bits set; did you mean 10.0.0.0/24?'],
    ['2001:db8::7/32', '2001:db8::7/32 has host bits set; did you mean 2001:db8::/32?'],
    ['10.0.0.1/0', '10.0.0.1/0 has host bits set; did you mean 0.0.0.0/0?'],
    ['010.0.0.1', '010.0.0.1 has leading zeros, which some programs read as octal; did you mean 10.0.0.1?'],
    ['10.0.0.00', '10.0.0.00 has leading zeros, which some programs read as octal; did you mean 10.0.0.0?'],
    ['10.00.0.5/24', '10.00.0.5/24 has leading zeros, which some programs read as octal; did you mean 10.0.0.0/24?'],
    ['10.0.0.0/08', '10.0.0.0/08 has leading zeros in its prefix length; did you mean 10.0.0.0/8?'],
    ['10.0.0.0/33', '10.0.0.0/33 has a prefix length that is not 0 to 32.'],
    ['10.0.0.0/-1', '"10.0.0.0/-1" has a prefix length that is not 0 to 32.'],
    ['10.0.0.0/8.0', '10.0.0.0/8.0 has a prefix length that is not 0 to 32.'],
    ['2001:db8::/129', '2001:db8::/129 has a prefix length that is not 0 to 128.'],
    ['10.0.0.0/', '10.0.0.0/ has no prefix length after its slash; did you mean 10.0.0.0?'],
    ['10.0.0.0/255.0.0.0', '10.0.0.0/255.0.0.0 has a mask instead of a prefix length; did you mean 10.0.0.0/8?'],
    ['10.0.0.0/255.0.255.0', '10.0.0.0/255.0.255.0 has a mask instead of a prefix length.'],
    ['fe80::1%eth0', '"fe80::1%eth0" has a zone, which only means something on one machine; did you mean fe80::1?'],
    ['fe80::%1/64', '"fe80::%1/64" has a zone, which only means something on one machine; did you mean fe80::/64?'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1 is IPv4 written as IPv6; did you mean 10.0.0.1?'],
    ['::ffff:a00:1', '::ffff:a00:1 is IPv4 written as IPv6; did you mean 10.0.0.1?'],
    ['::ffff:10.0.0.0/104', '::ffff:10.0.0.0/104 is IPv4 written as IPv6; did you mean 10.0.0.0/8?'],
    ['::ffff:10.0.0.5/120', '::ffff:10.0.0.5/120 is IPv4 written as IPv6; did you mean 10.0.0.0/24?'],
    ['::ffff:0:0/96', '::ffff:0:0/96 is IPv4 written as IPv6; did you mean 0.0.0.0/0?'],
    [' 10.0.0.1', '" 10.0.0.1" has spaces around it; did you mean 10.0.0.1?'],
    ['[2001:db8::7]:443', '"[2001:db8::7]:443" is written as in a URL; did you mean 2001:db8::7?'],
    ['10.0.0.1:443', '10.0.0.1:443 has a port; did you mean 10.0.0.1?'],
    ['10.0.0.0/8/8', '10.0.0.0/8/8 is not an IP address or range.'],
    ['10.0.0', '10.0.0 is not an IP address or range.'],
    ['0x0a.0.0.1', '"0x0a.0.0.1" is not an IP address or range.'],
    ['167772161', '167772161 is not an IP address or range.'],
    ['10.0.0.1-10.0.0.9', '"10.0.0.1-10.0.0.9" is not an IP address or range.'],
    ['10.0.0.256', '10.0.0.256 is not an IP address or range.'],
    ['2001:db8:::1', '2001:db8:::1 is not an IP address or range.'],
    ['example.com', '"example.com" is not an IP address or range.'],
    ['*', '"*" is not an IP address or range.'],
    ['', '"" is not an IP address or range.'],
    ['/8', '/8 is not an IP address or range.'],
  ];
  for (const [text, fault] of refused) assert.deepEqual(readIpRange(text), { fault }, text);
});

test('a key that somebody pasted is not repeated', () => {
  const read = readIpRange(`ink_${'1a'.repeat(24)}`);
  assert.ok('fault' in read);
  assert.doesNotMatch(read.fault, /1a1a/);
});
