import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allowlistText, createAllowlists, readAllowlist } from './ip-allowlist.ts';
import { readIpRange } from './ip-range.ts';
import { createIpRanges } from './ip-ranges.ts';

/** An address as a number: the test's own idea of one, sharing nothing with the program's libraries. */
interface Numbered {
  bits: 32 | 128;
  value: bigint;
}
interface NumberedRange extends Numbered {
  prefix: number;
}

const mappedBase = 0xffffn << 32n;

function lastBits({ bits, prefix }: { bits: number; prefix: number }): bigint {
  return (1n << BigInt(bits - prefix)) - 1n;
}

function networkOf(range: NumberedRange): NumberedRange {
  return { ...range, value: range.value & ~lastBits(range) };
}

/** IPv4 mapped into IPv6 counts as IPv4. */
function isWithin(address: Numbered, range: NumberedRange): boolean {
  const isMapped = address.bits === 128 && address.value >> 32n === mappedBase >> 32n;
  const { bits, value } = isMapped ? { bits: 32, value: address.value & 0xffffffffn } : address;
  const shift = BigInt(range.bits - range.prefix);
  return bits === range.bits && value >> shift === range.value >> shift;
}

function ipv4Text(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.');
}

type Spelling = 'plain' | 'upper' | 'padded' | 'compressed' | 'dotted';

/** Writes an address in one of the ways that people and programs do. */
function textOf({ bits, value }: Numbered, spelling: Spelling): string {
  if (bits === 32) return ipv4Text(value);
  const groups = Array.from({ length: 8 }, (_, index) => (value >> BigInt(112 - 16 * index)) & 0xffffn);
  const hex = groups.map((group) => group.toString(16));
  if (spelling === 'upper') return hex.join(':').toUpperCase();
  if (spelling === 'padded') return hex.map((group) => group.padStart(4, '0')).join(':');
  if (spelling === 'dotted') return `${hex.slice(0, 6).join(':')}:${ipv4Text(value & 0xffffffffn)}`;
  const first = groups.indexOf(0n);
  if (spelling === 'plain' || first < 0) return hex.join(':');
  let end = first;
  while (groups[end] === 0n) end++;
  return `${hex.slice(0, first).join(':')}::${hex.slice(end).join(':')}`;
}

const spelling = fc.constantFrom<Spelling[]>('plain', 'upper', 'padded', 'compressed', 'dotted');
const ipv4 = fc.bigInt(0n, (1n << 32n) - 1n).map((value): Numbered => ({ bits: 32, value }));
const ipv6 = fc.bigInt(0n, (1n << 128n) - 1n).map((value): Numbered => ({ bits: 128, value }));
const mapped = ipv4.map(({ value }): Numbered => ({ bits: 128, value: mappedBase + value }));
/** Zeros in a row, as real addresses have. */
const sparse = fc
  .array(fc.oneof(fc.constant(0n), fc.bigInt(0n, 0xffffn)), { minLength: 8, maxLength: 8 })
  .map((groups): Numbered => ({ bits: 128, value: groups.reduce((sum, group) => (sum << 16n) | group, 0n) }));
const range = fc
  .tuple(fc.oneof(ipv4, ipv6, sparse), fc.nat(128))
  .map(([address, length]) => networkOf({ ...address, prefix: length % (address.bits + 1) }))
  // Of those, the program wants to be told the IPv4 range: see ip-range.test.ts.
  .filter(({ bits, value }) => bits === 32 || value >> 32n !== mappedBase >> 32n);

/** Addresses in a range, at its edges, just outside, and anywhere. */
function addressesAround(of: NumberedRange): fc.Arbitrary<Numbered> {
  const end = of.value | lastBits(of);
  const top = (1n << BigInt(of.bits)) - 1n;
  const near = fc
    .oneof(fc.constantFrom(of.value, of.value - 1n, end, end + 1n), fc.bigInt(of.value, end))
    .map((value): Numbered => ({ bits: of.bits, value: value < 0n ? 0n : value > top ? top : value }));
  const asMapped = near.map(
    ({ bits, value }): Numbered => (bits === 32 ? { bits: 128, value: mappedBase + value } : { bits, value }),
  );
  return fc.oneof(near, asMapped, ipv4, ipv6, mapped);
}

test('100,000 random addresses are in or out of random lists as arithmetic says, IPv4, IPv6 and mapped', (t) => {
  let cases = 0;
  let inside = 0;
  const oneList = fc.array(range, { minLength: 1, maxLength: 5 }).chain((ranges) =>
    fc.record({
      ranges: fc.constant(ranges),
      spellings: fc.array(spelling, { minLength: 5, maxLength: 5 }),
      addresses: fc.array(fc.tuple(fc.oneof(...ranges.map(addressesAround)), spelling), {
        minLength: 12,
        maxLength: 12,
      }),
    }),
  );
  fc.assert(
    fc.property(oneList, ({ ranges, spellings, addresses }) => {
      const written = ranges.map((each, index) => `${textOf(each, spellings[index] ?? 'plain')}/${each.prefix}`);
      const { allowlist, faults } = readAllowlist(written);
      assert.deepEqual(faults, []);
      const list = createIpRanges(allowlist);
      const kept = createAllowlists();
      const text = allowlistText(allowlist);
      for (const [address, asWritten] of addresses) {
        const shown = textOf(address, asWritten);
        const wanted = ranges.some((each) => isWithin(address, each));
        assert.equal(list.has(shown), wanted, `${shown} in ${written}`);
        assert.equal(kept.allows('key', text, shown), wanted, `${shown} in ${written}, kept`);
        cases++;
        if (wanted) inside++;
      }
    }),
    { numRuns: 9_000 },
  );
  t.diagnostic(`${cases} cases, ${inside} inside`);
  assert.ok(cases >= 100_000);
  assert.ok(inside > cases / 10 && inside < (cases * 9) / 10, 'both answers are met often');
});

test('a range in canonical form is its own canonical form; one with host bits is refused in favour of its network', () => {
  fc.assert(
    fc.property(range, spelling, fc.bigInt(1n, (1n << 128n) - 1n), (each, asWritten, noise) => {
      const read = readIpRange(`${textOf(each, asWritten)}/${each.prefix}`);
      assert.ok('range' in read);
      assert.deepEqual(readIpRange(read.range), read);
      const hostBits = noise & lastBits(each);
      if (hostBits === 0n || (each.value + hostBits) >> 32n === mappedBase >> 32n) return;
      const withHost = readIpRange(`${textOf({ ...each, value: each.value + hostBits }, asWritten)}/${each.prefix}`);
      assert.ok('fault' in withHost && withHost.fault.endsWith(`has host bits set; did you mean ${read.range}?`));
    }),
    { numRuns: 5_000 },
  );
});

test('no text whatever makes reading throw, and no answer is longer than a line', () => {
  const near = fc.stringMatching(/^[0-9a-f:.%/[\] ]{0,30}$/);
  fc.assert(
    fc.property(fc.oneof(near, fc.string({ unit: 'binary', maxLength: 200 })), (text) => {
      const read = readIpRange(text);
      assert.ok(('range' in read ? read.range : read.fault).length < 300);
    }),
    { numRuns: 5_000 },
  );
});

test('duplicates are merged, whatever their spelling, and the order stays', () => {
  const { allowlist } = readAllowlist(['2001:db8::7', '10.0.0.0/8', '2001:DB8:0::7/128', '10.0.0.0/8', '192.0.2.7/32']);
  assert.deepEqual(allowlist, ['2001:db8::7', '10.0.0.0/8', '192.0.2.7']);
});

test('nothing that is no address is in any list, not even in the widest', () => {
  const all = createIpRanges(['0.0.0.0/0', '::/0']);
  for (const address of ['', 'unknown', '10.0.0', '10.0.0.1:443', '[::1]', '::ffff:10.0.0.256']) {
    assert.equal(all.has(address), false, address);
  }
  assert.equal(all.has('fe80::1%eth0'), true);
});

test('an IPv4 client is in no IPv6 range, and an IPv6 client in no IPv4 one', () => {
  const [everyIpv4, everyIpv6] = [createIpRanges(['0.0.0.0/0']), createIpRanges(['::/0'])];
  assert.deepEqual([everyIpv4.has('10.0.0.1'), everyIpv6.has('10.0.0.1')], [true, false]);
  assert.deepEqual([everyIpv4.has('::ffff:10.0.0.1'), everyIpv6.has('::ffff:10.0.0.1')], [true, false]);
  assert.deepEqual([everyIpv4.has('2001:db8::1'), everyIpv6.has('2001:db8::1')], [false, true]);
});

test('a list is parsed once while it stays; all together are bounded, the oldest forgotten first', () => {
  let parsed = 0;
  const allowlists = createAllowlists(50, (ranges) => {
    parsed++;
    return createIpRanges(ranges);
  });
  const text = allowlistText(Array.from({ length: 20 }, (_, last) => `10.0.0.${last}`));
  const ask = (key: string) => {
    const before = parsed;
    assert.equal(allowlists.allows(key, text, '10.0.0.5'), true);
    return parsed - before;
  };
  assert.deepEqual(['a', 'a', 'b', 'a', 'b'].map(ask), [1, 0, 1, 0, 0]);
  assert.deepEqual(['c', 'b', 'c', 'a', 'c', 'a'].map(ask), [1, 0, 0, 1, 0, 0], 'three of twenty are too many');
  const one = allowlistText(Array.from({ length: 60 }, (_, last) => `10.0.0.${last}`));
  for (let count = 0; count < 3; count++) assert.equal(allowlists.allows('long', one, '10.0.0.5'), true);
  assert.equal(parsed, 5, 'one that is longer than all may be is kept alone');
});

test('a list that has changed is never answered from what was kept, however many lists there are', () => {
  const allowlists = createAllowlists(100);
  const text = (third: number) => allowlistText(Array.from({ length: 20 }, (_, last) => `10.0.${third}.${last}`));
  for (let round = 0; round < 50; round++) {
    for (let key = 0; key < 10; key++) {
      assert.equal(allowlists.allows(`key${key}`, text(round), `10.0.${round}.5`), true);
      assert.equal(allowlists.allows(`key${key}`, text(round + 1), `10.0.${round}.5`), false);
      assert.equal(allowlists.allows(`key${key}`, text(round), `10.0.${round}.5`), true);
    }
  }
});
