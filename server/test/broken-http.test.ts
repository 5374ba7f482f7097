import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { bootServer } from './boot.ts';
import { type RawCase, rawCase } from './broken-http.ts';
import { assertNothingLeaked, assertSound, limitMs, report, seed, sentAtOnce } from './fuzz-run.ts';
import { exchange, rawRequest } from './raw-http.ts';

const rawRequests = 800;

test('800 requests that break HTTP itself are refused once, closed in time, and never open the door to a second one', {
  timeout: 120_000,
}, async (t) => {
  t.diagnostic(`INKSONG_TEST_SEED=${seed}`);
  const server = await bootServer(t);
  const account = await server.register();
  const seen = new Map<string, number>();

  const send = async ({ name, bytes, refused, first, cut = false }: RawCase): Promise<void> => {
    seen.set(name, (seen.get(name) ?? 0) + 1);
    const { answers, rest } = await exchange(server.url, bytes, { limitMs, leave: cut });
    try {
      assert.equal(rest, '');
      for (const answer of answers) assertSound(server, 'GET', null, answer);
      const statuses = answers.map(({ status }) => status);
      if (first !== undefined) assert.equal(statuses[0], first);
      if (refused) {
        assert.equal(statuses.length, 1, `answered ${statuses}`);
        assert.ok(Number(statuses[0]) >= 400 && Number(statuses[0]) < 500, `answered ${statuses}`);
      } else if (!cut) {
        assert.ok(statuses.length >= 1 && statuses.length <= 2, `answered ${statuses}`);
        if (statuses.length === 2) assert.equal(statuses[1], 200, `answered ${statuses}`);
      }
    } catch (error) {
      throw new Error(`${name}: ${JSON.stringify(bytes.subarray(0, 400).toString('latin1'))}`, { cause: error });
    }
  };

  const batch = fc.array(rawCase, { minLength: sentAtOnce, maxLength: sentAtOnce });
  await fc.assert(
    fc.asyncProperty(batch, async (cases) => {
      await Promise.all(cases.map(send));
      assert.equal((await server.call('GET', '/me', { key: account.apiKey })).status, 200);
    }),
    {
      seed,
      numRuns: rawRequests / sentAtOnce,
      reporter: report,
      interruptAfterTimeLimit: 60_000,
      markInterruptAsFailure: true,
    },
  );
  assert.ok(seen.size > 15, `only ${[...seen.keys()]}`);
  assertNothingLeaked(server, [account]);
});

test('each request has one answer of its own, whatever follows it on the connection', async (t) => {
  const server = await bootServer(t);
  const { apiKey } = await server.register();
  const text = 'line\n'.repeat(200_000);
  const form = new FormData();
  form.append('file', new Blob([text]), 'long.txt');
  const { id } = (await server.call('POST', '/documents/', { key: apiKey, body: form })).json;
  const download = ['Host: localhost', `X-API-Key: ${apiKey}`];
  const junk = Buffer.from('\0 this is no request\r\n\r\n');

  const content = rawRequest('GET', `/api/v1/documents/${id}/content`, download);
  for (const bytes of [Buffer.concat([content, junk]), content]) {
    const { answers, rest } = await exchange(server.url, bytes, { limitMs, later: junk });
    assert.deepEqual([answers.map(({ status }) => status), rest], [[200], '']);
    assert.equal(String(answers[0]?.body), text, 'a download is not spoilt by what its client sends meanwhile');
  }
  const closing = rawRequest('GET', '/healthz', ['Host: localhost', 'Connection: close']);
  const { answers: last } = await exchange(server.url, Buffer.concat([closing, junk]), { limitMs });
  assert.deepEqual(
    last.map(({ status }) => status),
    [200],
    'nothing after Connection: close counts',
  );

  const chunked = ['Host: localhost', 'Transfer-Encoding: chunked', 'Content-Type: application/json'];
  const refusedEarly = rawRequest('POST', '/api/v1/documents/', chunked, '2\r\n{}\r\n');
  const { answers: early, rest } = await exchange(server.url, refusedEarly, {
    limitMs,
    later: Buffer.from('G\r\n\r\n'),
  });
  assert.deepEqual([early.map(({ status }) => status), rest], [[401], ''], 'no 400 comes after the 401');
});

test('a refused client that never hangs up is cut off', async (t) => {
  const server = await bootServer(t);
  const openConnections = (): Promise<number> =>
    new Promise((resolve, reject) =>
      server.app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  const held: Socket[] = [];
  server.app.server.on('connection', (each) => held.push(each));
  const socket = connect({ port: Number(new URL(server.url).port), host: '127.0.0.1', allowHalfOpen: true });
  try {
    socket.write('no request\r\n\r\n');
    socket.resume();
    await once(socket, 'end');
    assert.equal(await openConnections(), 1);
    for (const deadline = Date.now() + limitMs; (await openConnections()) > 0; await delay(50)) {
      assert.ok(Date.now() < deadline, 'the server still holds the connection');
    }
  } finally {
    // Or else, when this test is red, closing the server would wait for them.
    for (const each of [socket, ...held]) each.destroy();
  }
});
