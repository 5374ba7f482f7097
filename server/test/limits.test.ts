import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import { bootServer, goodPassword, type TestServer, temporaryDirectory } from './boot.ts';

const wrongLogin = (server: TestServer, email = 'nobody@example.com') =>
  server.call('POST', '/auth/login', { json: { email, password: 'not the password at all' } });

const statuses = (answers: { status: number }[]): Record<number, number> =>
  Object.fromEntries(Object.entries(Object.groupBy(answers, ({ status }) => status)).map(([k, v]) => [k, v?.length]));

test('of 200 parallel sign-ups and logins from one address exactly the documented ten are let in', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_AUTH: '10/min' });
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      index % 2 === 0
        ? wrongLogin(server, `nobody${index}@example.com`)
        : server.call('POST', '/auth/register', { json: { email: `new${index}@example.com`, password: goodPassword } }),
    ),
  );
  const passed = answers.filter(({ status }) => status !== 429);
  assert.equal(passed.length, 10, JSON.stringify(statuses(answers)));
});
