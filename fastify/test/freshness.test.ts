import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { startApp } from './guarded-app.ts';
import { allow, bootInksong, rotate } from './inksong-server.ts';
import { identity, pretendInksong } from './pretended-inksong.ts';
import { send } from './request.ts';

test('a rotated key, an ended session and a changed allowlist are refused on the next request', async (t) => {
  const server = await bootInksong(t);
  const account = await server.register();
  const { url } = await startApp(t, server.url);
  let key = account.apiKey;
  for (let rotation = 0; rotation < 5; rotation++) {
    assert.equal((await send(`${url}/both`, { key })).status, 200);
    const next = await rotate(server, account);
    assert.equal((await send(`${url}/both`, { key })).status, 401);
    key = next;
  }
  await allow(server, account, ['192.0.2.7']);
  assert.equal((await send(`${url}/both`, { key })).status, 403);
  await allow(server, account, null);
  assert.equal((await send(`${url}/both`, { key })).status, 200);
  assert.equal((await send(`${url}/both`, { bearer: account.accessToken })).status, 200);
  assert.equal((await server.call('POST', '/auth/logout', { bearer: account.accessToken })).status, 204);
  assert.equal((await send(`${url}/both`, { bearer: account.accessToken })).status, 401);
});

test('no request that was sent after a rotation is let in by the old key, however many are under way', async (t) => {
  const server = await bootInksong(t);
  const account = await server.register();
  const { url } = await startApp(t, server.url);
  let key = account.apiKey;
  const judgedBefore: number[] = [];
  const judgedAfter: number[] = [];
  for (let rotation = 0; rotation < 25; rotation++) {
    const old = key;
    let isRotated = false;
    const client = async (): Promise<void> => {
      for (let after = 0; after < 2; ) {
        const isAfter = isRotated;
        const { status } = await send(`${url}/both`, { key: old });
        (isAfter ? judgedAfter : judgedBefore).push(status);
        if (isAfter) after += 1;
      }
    };
    const clients = Promise.all(Array.from({ length: 8 }, client));
    try {
      key = await rotate(server, account);
    } finally {
      isRotated = true;
      await clients;
    }
  }
  assert.deepEqual(
    judgedBefore.filter((status) => status !== 200 && status !== 401),
    [],
  );
  assert.deepEqual(judgedAfter, Array(25 * 16).fill(401));
});

test('a question is never answered by the answer to an earlier one, not even to one still under way', async (t) => {
  let first: ServerResponse | null = null;
  const pretended = await pretendInksong(t, (response) => {
    if (first === null) {
      first = response;
      return;
    }
    // The key is rotated in between; then the answers arrive in turn.
    first.writeHead(200, identity).end();
    response.writeHead(401, { 'Content-Type': 'application/problem+json' }).end('{}');
  });
  const { url } = await startApp(t, pretended.url);
  const asked = once(pretended.server, 'request');
  const earlier = send(`${url}/both`, { key: 'a' });
  await asked;
  const later = await send(`${url}/both`, { key: 'a' });
  assert.deepEqual([(await earlier).status, later.status], [200, 401]);
});

test('questions are asked side by side: fifty are under way at once', async (t) => {
  const waiting: ServerResponse[] = [];
  const pretended = await pretendInksong(t, (response) => {
    if (waiting.push(response) < 50) return;
    for (const each of waiting) each.writeHead(200, identity).end();
  });
  const { url } = await startApp(t, pretended.url, { timeoutMs: 30_000 });
  const answers = await Promise.all(Array.from({ length: 50 }, () => send(`${url}/both`, { key: 'a' })));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  assert.equal(pretended.questions.length, 50);
});

test('connections to Inksong are kept alive: no more of them than there are requests at a time', async (t) => {
  const server = await bootInksong(t);
  const accounts = await Promise.all([server.register(), server.register()]);
  const { url } = await startApp(t, server.url);
  let connections = 0;
  let questions = 0;
  server.app.server.on('connection', () => {
    connections += 1;
  });
  server.app.server.on('request', () => {
    questions += 1;
  });
  for (let asked = 0; asked < 20; asked++)
    assert.equal((await send(`${url}/both`, { key: accounts[0].apiKey })).status, 200);
  assert.deepEqual([connections, questions], [1, 20]);

  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => {
        const { apiKey, accessToken } = accounts[index % 2 === 0 ? 0 : 1];
        return send(`${url}/both`, index % 4 < 2 ? { key: apiKey } : { bearer: accessToken });
      }),
    );
    // Nobody gets the answer to somebody else's question.
    assert.deepEqual(
      answers.map(({ status, json }) => [status, json.principal.accountId, json.principal.scheme]),
      answers.map((_, index) => [200, accounts[index % 2 === 0 ? 0 : 1].id, index % 4 < 2 ? 'api_key' : 'bearer']),
    );
  }
  assert.equal(questions, 170);
  assert.ok(connections <= 50, `${connections} connections`);
});
