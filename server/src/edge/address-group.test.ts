import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientGroup, neighbourhoodOf } from './address-group.ts';

test('addresses of one IPv6 /64 are one client, those of the next are another', () => {
  assert.equal(clientGroup('2001:db8:1:2::1'), clientGroup('2001:db8:1:2:ffff:ffff:ffff:ffff'));
  assert.notEqual(clientGroup('2001:db8:1:2::1'), clientGroup('2001:db8:1:3::1'));
  assert.equal(neighbourhoodOf('2001:db8:1:2::1'), '2001:db8:1:2::/64');
});

test('each IPv4 address is a client, and a /24 a neighbourhood', () => {
  assert.notEqual(clientGroup('192.0.2.1'), clientGroup('192.0.2.2'));
  assert.equal(neighbourhoodOf('192.0.2.1'), neighbourhoodOf('192.0.2.254'));
  assert.notEqual(neighbourhoodOf('192.0.2.1'), neighbourhoodOf('192.0.3.1'));
});

test('an IPv4 address mapped into IPv6 is that IPv4 address, however it is written', () => {
  for (const mapped of ['::ffff:192.0.2.1', '::ffff:c000:201', '0:0:0:0:0:FFFF:C000:0201']) {
    assert.equal(clientGroup(mapped), clientGroup('192.0.2.1'), mapped);
    assert.equal(neighbourhoodOf(mapped), neighbourhoodOf('192.0.2.1'), mapped);
  }
});

test('a zone changes nothing, and all that is no address is one group', () => {
  assert.equal(clientGroup('fe80::1%eth0'), clientGroup('fe80::2%eth1'));
  assert.equal(clientGroup(''), clientGroup('not an address'));
});
