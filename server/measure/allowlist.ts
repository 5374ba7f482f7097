// What an allowlist costs a request: one of 1,000 entries, with its text as it comes from the row each time.
// Wanted: at most 5 µs for a check.
import { allowlistText, createAllowlists } from '../src/edge/ip-allowlist.ts';
import { median } from './instruments/statistics.ts';

const wantedMicroseconds = 5;
const batches = 50;
const checksABatch = 2_000;

const entries = Array.from({ length: 1_000 }, (_, index) =>
  index % 2 === 0
    ? `10.${index >> 8}.${index & 255}.0/24`
    : `2001:db8:${index.toString(16)}:ffff:ffff:ffff:${index.toString(16)}:0/112`,
);
const bytes = Buffer.from(allowlistText(entries));
/** As many strings of their own as a batch needs: the database gives each request a new one. */
const texts = Array.from({ length: checksABatch }, () => bytes.toString('latin1'));

// In the forms that client-address.ts gives: IPv4 mapped into IPv6 has become IPv4 by then.
const rows = ['10.3.230.9', '192.0.2.7', '2001:db8:3e7:ffff:ffff:ffff:3e7:9', '2001:db8::7'].map((address) => {
  const allowlists = createAllowlists();
  const startedMs = performance.now();
  const allowed = allowlists.allows('key', bytes.toString('latin1'), address);
  const firstMs = performance.now() - startedMs;
  const microseconds: number[] = [];
  for (let batch = -5; batch < batches; batch++) {
    const batchStartedMs = performance.now();
    for (const text of texts) allowlists.allows('key', text, address);
    if (batch >= 0) microseconds.push(((performance.now() - batchStartedMs) * 1000) / checksABatch);
  }
  return { address, allowed, 'first, with parsing, ms': firstMs.toFixed(2), 'then, µs': median(microseconds) };
});
console.table(rows.map((row) => ({ ...row, 'then, µs': row['then, µs'].toFixed(2) })));
console.log(`as wanted: ${rows.every((row) => row['then, µs'] <= wantedMicroseconds) ? 'yes' : 'no'}`);
