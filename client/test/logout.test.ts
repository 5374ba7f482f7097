import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goodPassword } from '../../server/test/boot.ts';
import { InksongSession } from '../src/inksong-session.ts';
import { createCookieFetch, problem } from './cookie-fetch.ts';
import { signedIn } from './session.ts';

const refresh = '/api/v1/auth/refresh';
const me = '/api/v1/me';

test('after a logout nothing is signed in, neither here nor on the server', async (t) => {
  const { session, network, told } = await signedIn(t);
  await session.logout();
  assert.equal(session.isSignedIn, false);
  assert.deepEqual(told, ['signed-out']);
  await assert.rejects(session.me(), { status: 401 });
  assert.equal(network.sent.at(-1)?.headers.has('Authorization'), false);
  assert.equal(network.count(refresh), 0);
  assert.equal(await session.restore(), false);
});

test('a refresh that is answered after the logout does not bring the token back', async (t) => {
  const { session, network, told } = await signedIn(t, 0);
  const held = Promise.withResolvers<null>();
  const asked = Promise.withResolvers<void>();
  network.intercept = (_request, path) => {
    if (path !== refresh) return null;
    asked.resolve();
    return held.promise;
  };
  const calling = session.me();
  await asked.promise;
  const leaving = session.logout();
  held.resolve(null);
  await assert.rejects(calling, { name: 'AbortError' });
  await leaving;
  assert.equal(session.isSignedIn, false);
  assert.deepEqual(told, ['signed-out']);
  assert.equal(network.count(me), 0);
});

test('a call that was under way is neither repeated nor refreshed for after the logout', async (t) => {
  const { session, network, told } = await signedIn(t);
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  network.intercept = (_request, path) => {
    if (path !== me) return null;
    asked.resolve();
    return answer.promise;
  };
  const calling = session.me();
  await asked.promise;
  await session.logout();
  answer.resolve(problem(401, 'invalid_credentials'));
  await assert.rejects(calling, { status: 401 });
  assert.equal(network.count(me), 1);
  assert.equal(network.count(refresh), 0);
  assert.deepEqual(told, ['signed-out']);
});

test('a login that is answered after the logout signs nobody in, and its session ends too', async (t) => {
  const { server, session, network, email, told } = await signedIn(t);
  const held = Promise.withResolvers<null>();
  const asked = Promise.withResolvers<void>();
  network.intercept = (_request, path) => {
    if (path !== '/api/v1/auth/login') return null;
    asked.resolve();
    return held.promise;
  };
  const entering = session.login({ email, password: goodPassword });
  await asked.promise;
  const leaving = session.logout();
  held.resolve(null);
  await assert.rejects(entering, { name: 'AbortError' });
  await leaving;
  assert.deepEqual(told, ['signed-out']);
  assert.equal(await session.restore(), false);
  const elsewhere = new InksongSession({ baseUrl: server.url, fetch: createCookieFetch().fetch });
  await elsewhere.login({ email, password: goodPassword });
  assert.equal((await elsewhere.sessions.list()).length, 1);
});

test('a logout that fails throws, and the session goes on', async (t) => {
  const { session, network, told } = await signedIn(t);
  network.intercept = (_request, path) => (path === '/api/v1/auth/logout' ? problem(503, 'unavailable') : null);
  await assert.rejects(session.logout(), { status: 503 });
  assert.equal(session.isSignedIn, true);
  assert.deepEqual(told, []);
  await session.me();
});

test('deleting the account signs out', async (t) => {
  const { session, told } = await signedIn(t);
  await session.deleteAccount();
  assert.equal(session.isSignedIn, false);
  assert.deepEqual(told, ['signed-out']);
});
