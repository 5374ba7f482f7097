import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootServer, goodPassword } from './boot.ts';

test('of a flood of logins, those that are refused for want of room have written nothing, and none is lost', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_AUTH: 'off' });
  const logins = 250;
  const answers = await Promise.all(
    Array.from({ length: logins }, (_, number) =>
      server.call('POST', '/auth/login', { json: { email: `bogus${number}@example.com`, password: goodPassword } }),
    ),
  );
  const count = (status: number): number => answers.filter((answer) => answer.status === status).length;
  assert.equal(count(401) + count(503), logins);
  assert.ok(count(503) >= logins - 104, 'a hundred wait and four are at it');
  const counted = await server.services.database.query
    .selectFrom('limit_counters')
    .select('key')
    .where('key', 'like', 'failures%')
    .execute();
  assert.equal(counted.length, count(401));
});
