import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { bootServer } from '../boot.ts';
import { rawCase } from '../broken-http.ts';
import { proxyNames, startProxy } from './proxies.ts';
import { proxySamples } from './proxy-samples.ts';

const requests = 400;

for (const name of proxyNames) {
  test(`${name} and the server see the same requests in bytes that no client library would send`, async (t) => {
    const server = await bootServer(t, proxySamples.env);
    const replace = { '127.0.0.1:8080': new URL(server.url).host };
    const port = await startProxy(t, name, proxySamples.outermost[name], { replace });
    const whole = rawCase.filter(({ cut }) => cut !== true);
    const answered = new Set<string>();
    const statuses = new Map<number, number>();
    for (const { bytes } of fc.sample(whole, { numRuns: requests, seed: 20_261_124 })) {
      const text = await exchange(port, hosted(bytes));
      for (const [, id = ''] of text.matchAll(/^x-request-id: (\S+)\r$/gim)) answered.add(id);
      for (const [, status] of text.matchAll(/HTTP\/1\.[01] ([2-5]\d\d) /g)) {
        statuses.set(Number(status), (statuses.get(Number(status)) ?? 0) + 1);
      }
    }
    // A request that was hidden in another has an answer that nobody waits for, or that somebody else gets. In front of it
    // stands one that the proxy may answer itself, when it finds the body broken only after it has begun to hand it on.
    const read = server.logLines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request');
    const behind = read.filter(({ path }) => path === '/healthz');
    assert.deepEqual(
      behind.filter(({ request_id }) => !answered.has(request_id)),
      [],
    );
    const answers = [...statuses.values()].reduce((sum, count) => sum + count, 0);
    const seen = JSON.stringify({ read: read.length, behind: behind.length, answers, statuses: [...statuses] });
    assert.ok(behind.length > 50 && read.length > behind.length && read.length <= answers, seen);
    assert.ok((statuses.get(400) ?? 0) > requests / 4 && !statuses.has(500), seen);
  });
}

/** The cases are for a server on this machine; a proxy answers for one host. */
function hosted(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').replaceAll('Host: localhost', 'Host: api.example.com'), 'latin1');
}

/** Sends bytes over a TLS connection of their own and returns what comes back until it is closed. */
async function exchange(port: number, bytes: Buffer): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'api.example.com', rejectUnauthorized: false });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  // Whoever is refused before it has sent everything may see a reset instead of an end.
  socket.on('error', () => {});
  const deadline = setTimeout(() => socket.destroy(new Error('still open')), 5_000);
  socket.write(bytes);
  await new Promise((resolve) => socket.once('close', resolve));
  clearTimeout(deadline);
  return Buffer.concat(chunks).toString('latin1');
}
