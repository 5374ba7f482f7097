import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootServer, goodPassword, type TestServer } from './boot.ts';

const login = (server: TestServer, email: string) =>
  server.call('POST', '/auth/login', { json: { email, password: goodPassword } });

/** How many e-mail addresses have a wrong password counted against them. */
const counted = async ({ services }: TestServer): Promise<number> =>
  (await services.database.query.selectFrom('limit_counters').select('key').where('key', 'like', 'failures%').execute())
    .length;

test('a login for which there is no room is refused before anything is written', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_AUTH: 'off' });
  const { inTurn } = server.services.passwords;
  const gate = Promise.withResolvers<void>();
  const others = Array.from({ length: 104 }, () => inTurn(() => gate.promise));
  const refused = await Promise.all(['a', 'b', 'c'].map((name) => login(server, `${name}@example.com`)));
  assert.deepEqual(
    refused.map(({ status, json }) => `${status} ${json.code}`),
    Array(3).fill('503 overloaded'),
  );
  assert.equal(await counted(server), 0);
  gate.resolve();
  await Promise.allSettled(others);
  assert.equal((await login(server, 'a@example.com')).status, 401, 'it recovers');
  assert.equal(await counted(server), 1);
});

test('of a flood of logins each is answered, and what is counted is what was compared', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_AUTH: 'off' });
  const logins = 250;
  const answers = await Promise.all(
    Array.from({ length: logins }, (_, number) => login(server, `bogus${number}@example.com`)),
  );
  const count = (status: number): number => answers.filter((answer) => answer.status === status).length;
  assert.equal(count(401) + count(503), logins);
  assert.equal(await counted(server), count(401));
});
