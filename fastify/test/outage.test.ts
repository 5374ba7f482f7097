import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import Fastify from 'fastify';
import { inksong } from '../src/index.ts';
import { startApp } from './guarded-app.ts';
import { spawnInksong, temporaryDirectory } from './inksong-server.ts';
import { identity, pretendInksong } from './pretended-inksong.ts';
import { type Answer, send } from './request.ts';

const problem = { 'Content-Type': 'application/problem+json; charset=utf-8' };

function assertClosed(answer: Answer, what: string): void {
  assert.equal(answer.status, 503, what);
  assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/, what);
  assert.deepEqual([answer.json.status, answer.json.code], [503, 'unavailable'], what);
  assert.match(answer.headers['retry-after'] ?? '', /^\d+$/, what);
  assert.equal(answer.headers['cache-control'], 'no-store', what);
}

test('anything but a plain yes or a refusal of Inksong’s lets nobody in, and the log says why', async (t) => {
  const { 'X-Inksong-Key-Id': _, ...withoutKeyId } = identity;
  const answers: Record<string, (response: ServerResponse) => void> = {
    '200 without an identity': (response) => response.writeHead(200).end(),
    '200 with a body without an identity': (response) => response.writeHead(200).end('<h1>Welcome</h1>'),
    '200 with a header missing': (response) => response.writeHead(200, withoutKeyId).end(),
    '200 with an empty account': (response) => response.writeHead(200, { ...identity, 'X-Inksong-User-Id': '' }).end(),
    '200 with an unknown scheme': (response) => response.writeHead(200, { ...identity, 'X-Inksong-Scheme': 'a' }).end(),
    '200 with a key but no id': (response) => response.writeHead(200, { ...identity, 'X-Inksong-Key-Id': '' }).end(),
    '200 with a broken e-mail': (response) => response.writeHead(200, { ...identity, 'X-Inksong-User': '%' }).end(),
    '200 with two accounts': (response) =>
      response.writeHead(200, { ...identity, 'X-Inksong-User-Id': ['acc_1', 'acc_2'] }).end(),
    '201 with an identity': (response) => response.writeHead(201, identity).end(),
    '204 with an identity': (response) => response.writeHead(204, identity).end(),
    '204': (response) => response.writeHead(204).end(),
    '302': (response) => response.writeHead(302, { Location: '/sign-in' }).end(),
    '304': (response) => response.writeHead(304).end(),
    '401 of somebody else': (response) => response.writeHead(401, { 'WWW-Authenticate': 'Basic' }).end('<h1>401</h1>'),
    '404': (response) => response.writeHead(404, problem).end('{"status":404}'),
    '405': (response) => response.writeHead(405, problem).end('{"status":405}'),
    '418': (response) => response.writeHead(418, problem).end('{"status":418}'),
    '500': (response) => response.writeHead(500, problem).end('{"status":500}'),
    '502': (response) => response.writeHead(502).end('<h1>Bad gateway</h1>'),
    '101': (response) =>
      response.socket?.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: Upgrade\r\n\r\n'),
    'no end': (response) =>
      response.writeHead(200, { ...identity, 'Content-Length': 9 }).end('short', () => response.destroy()),
    'no HTTP': (response) => response.socket?.end('SSH-2.0-OpenSSH\r\n'),
    'a closed connection': (response) => response.destroy(),
    'a body without end': (response) => {
      response.writeHead(200, identity);
      const chunk = Buffer.alloc(16_384);
      const more = (): void => {
        while (response.write(chunk));
      };
      response.on('drain', more);
      more();
    },
    'a body that stops': (response) => response.writeHead(200, { ...identity, 'Content-Length': 9 }).flushHeaders(),
    silence: () => {},
  };
  const check = async ([what, answer]: [string, (response: ServerResponse) => void]): Promise<void> => {
    const pretended = await pretendInksong(t, answer);
    const { url, logLines } = await startApp(t, pretended.url, { timeoutMs: 2_000 });
    assertClosed(await send(`${url}/both`, { key: 'a' }), what);
    assert.equal(pretended.questions.length, 1, what);
    const reasons = logLines.filter((line) => line.includes('Inksong could not be asked'));
    assert.equal(reasons.length, 1, what);
    assert.match(JSON.parse(reasons[0] ?? '').reason, /\w/, what);
  };
  await Promise.all(Object.entries(answers).map(check));
});

test('the log says why, too, when a name of several addresses leads nowhere', async (t) => {
  // As Node fails where `localhost` is both 127.0.0.1 and ::1.
  t.mock.method(http.Agent.prototype, 'createConnection', () => {
    const fault = Object.assign(new AggregateError([new Error('a'), new Error('b')]), { code: 'ECONNREFUSED' });
    return new Socket().destroy(fault);
  });
  const { logLines, app } = await startApp(t, 'http://localhost:9');
  assert.equal((await app.inject('/both')).statusCode, 503);
  const [line = ''] = logLines.filter((line) => line.includes('Inksong could not be asked'));
  assert.equal(JSON.parse(line).reason, 'ECONNREFUSED');
});

test('an app that sets no time limit has one', async (t) => {
  const pretended = await pretendInksong(t, () => {});
  const app = Fastify();
  await app.register(inksong, { url: pretended.url });
  app.get('/', { config: { access: 'both' } }, async () => 'reached');
  assert.equal((await app.inject('/')).statusCode, 503);
});

test('an answer for the other scheme than the route demands lets nobody in', async (t) => {
  const pretended = await pretendInksong(t, (response) => response.writeHead(200, identity).end());
  const { url } = await startApp(t, pretended.url);
  assert.equal((await send(`${url}/api-key`, { key: 'a' })).status, 200);
  assertClosed(await send(`${url}/bearer`, { bearer: 'a' }), 'bearer');
});

test('while Inksong is too busy, its callers come back when it says', async (t) => {
  const waits: [told: string | undefined, handedOn: string][] = [
    ['7', '7'],
    [undefined, '1'],
    ['Wed, 21 Oct 2026 07:28:00 GMT', '1'],
  ];
  for (const [told, handedOn] of waits) {
    const pretended = await pretendInksong(t, (response) => {
      response.writeHead(503, { ...problem, ...(told !== undefined && { 'Retry-After': told }) }).end('{}');
    });
    const { url } = await startApp(t, pretended.url);
    const answer = await send(`${url}/both`, { key: 'a' });
    assertClosed(answer, '503');
    assert.equal(answer.headers['retry-after'], handedOn);
  }
});

test('while Inksong is down nobody is let in; once it is back on its port, everybody is again', async (t) => {
  const dataDirectory = temporaryDirectory(t);
  const server = await spawnInksong(t, dataDirectory);
  const account = { email: 'somebody@example.com', password: 'five unrelated words do well' };
  const registration = await fetch(`${server.url}/api/v1/auth/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(account),
  });
  const { api_key: key, access_token: bearer } = Object(await registration.json());
  const { url } = await startApp(t, server.url);
  const both = (): Promise<Answer[]> => Promise.all([send(`${url}/both`, { key }), send(`${url}/both`, { bearer })]);
  const statuses = async (): Promise<number[]> => (await both()).map(({ status }) => status);
  assert.deepEqual(await statuses(), [200, 200]);

  await server.kill9();
  for (const answer of await both()) assertClosed(answer, 'down');
  assert.equal((await send(`${url}/public`)).status, 200);

  await spawnInksong(t, dataDirectory, { PORT: new URL(server.url).port });
  assert.deepEqual(await statuses(), [200, 200]);
});

test('an Inksong that hangs holds nobody for long, not even those who wait for a connection, and the app comes back with it', async (t) => {
  let hangs = true;
  const pretended = await pretendInksong(t, (response) => {
    if (!hangs) response.writeHead(200, identity).end();
  });
  const { url } = await startApp(t, pretended.url, { timeoutMs: 3_000 });
  const requests = Array.from({ length: 300 }, () => send(`${url}/both`, { key: 'a' }));
  for (const answer of await Promise.all(requests)) assertClosed(answer, 'hanging');
  hangs = false;
  const again = await Promise.all(Array.from({ length: 50 }, () => send(`${url}/both`, { key: 'a' })));
  assert.deepEqual(new Set(again.map(({ status }) => status)), new Set([200]));
});

test('a connection that Inksong closes just as it is taken up again costs nobody an answer', async (t) => {
  let answered = 0;
  const pretended = await pretendInksong(t, (response, question) => {
    // Every connection answers once, and is then closed instead, as after an idle time.
    const socket = question.socket as typeof question.socket & { isUsed?: boolean };
    if (socket.isUsed) return void socket.destroy();
    socket.isUsed = true;
    answered += 1;
    response.writeHead(200, identity).end();
  });
  const { url } = await startApp(t, pretended.url);
  for (let asked = 1; asked <= 5; asked++) {
    assert.equal((await send(`${url}/both`, { key: 'a' })).status, 200);
    assert.equal(answered, asked);
  }
  assert.ok(pretended.questions.length > answered);
});

test('an app that closes lets go of its connections', async (t) => {
  const pretended = await pretendInksong(t, (response) => response.writeHead(200, identity).end());
  const { url, app } = await startApp(t, pretended.url);
  const connected = once(pretended.server, 'connection');
  assert.equal((await send(`${url}/both`, { key: 'a' })).status, 200);
  const [socket] = await connected;
  const closed = once(socket, 'close');
  await app.close();
  await closed;
});
