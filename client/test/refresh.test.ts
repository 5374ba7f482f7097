import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goodPassword } from '../../server/test/boot.ts';
import { InksongConnectionError, InksongError } from '../src/errors.ts';
import { InksongSession } from '../src/inksong-session.ts';
import { createCookieFetch, problem } from './cookie-fetch.ts';
import { signedIn } from './session.ts';

const refresh = '/api/v1/auth/refresh';
const me = '/api/v1/me';

test('twenty calls at once after the token has expired share one refresh', async (t) => {
  const { session, network } = await signedIn(t, 0);
  const answers = await Promise.all(Array.from({ length: 20 }, () => session.me()));
  assert.equal(new Set(answers.map(({ id }) => id)).size, 1);
  assert.equal(network.count(refresh), 1);
  assert.equal(network.count(me), 20);
});

test('a token with less than a minute left is replaced before it is used, one with more is not', async (t) => {
  for (const [lifetimeSeconds, refreshes] of [
    [59, 1],
    [75, 0],
  ] as const) {
    const { session, network } = await signedIn(t, lifetimeSeconds);
    await session.me();
    assert.equal(network.count(refresh), refreshes, `${lifetimeSeconds} s`);
  }
});

test('setting the machine’s clock does not change when a token expires', async (t) => {
  const { session, network } = await signedIn(t);
  // The server shares this process, and would believe the clock.
  network.intercept = () => Response.json({});
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 7 * 86_400_000 });
  await session.me();
  assert.equal(network.count(refresh), 0);
});

test('a refused token is refreshed and the call repeated once, also for twenty at once', async (t) => {
  const { session, network } = await signedIn(t);
  await session.me();
  const first = network.sent.at(-1)?.headers.get('Authorization');
  assert.ok(first);
  network.intercept = (request) =>
    request.headers.get('Authorization') === first ? problem(401, 'invalid_credentials') : null;
  const documents = await Promise.all(
    Array.from({ length: 20 }, (_, index) => session.documents.create({ title: `${index}`, content: 'text' })),
  );
  assert.equal(new Set(documents.map(({ title }) => title)).size, 20);
  assert.equal(network.count(refresh), 1);
  assert.equal(network.count('/api/v1/documents/'), 40);
});

test('a call whose refusal arrives after another has refreshed takes the new token, and refreshes no more', async (t) => {
  const { session, network } = await signedIn(t);
  const late = Promise.withResolvers<Response>();
  const refusals = [late.promise, problem(401, 'invalid_credentials')];
  network.intercept = (_request, path) => (path === me ? (refusals.shift() ?? null) : null);
  const slow = session.me();
  await session.me();
  late.resolve(problem(401, 'invalid_credentials'));
  await slow;
  assert.equal(network.count(refresh), 1);
});

test('a call that is refused again after the refresh is not sent a third time', async (t) => {
  const { session, network, told } = await signedIn(t);
  network.intercept = (_request, path) => (path === me ? problem(401, 'invalid_credentials') : null);
  await assert.rejects(session.me(), { name: 'InksongError', status: 401 });
  assert.equal(network.count(me), 2);
  assert.equal(network.count(refresh), 1);
  assert.deepEqual(told, []);
});

test('a wrong password is sent once: its 401 is not about the token', async (t) => {
  const { session, network, told } = await signedIn(t);
  await assert.rejects(session.reauthenticate({ password: 'wrong' }), { status: 401, code: 'invalid_credentials' });
  await assert.rejects(session.changePassword({ currentPassword: 'wrong', newPassword: 'another good pass phrase' }), {
    status: 401,
  });
  assert.deepEqual(
    network.sent.map(({ path }) => path),
    ['/api/v1/auth/reauthenticate', '/api/v1/auth/password'],
  );
  assert.deepEqual(told, []);
});

test('an upload that meets a refused token is sent again whole', async (t) => {
  const { session, network } = await signedIn(t);
  let refusals = 1;
  network.intercept = async (request, path) => {
    if (!path.startsWith('/api/v1/documents') || refusals-- <= 0) return null;
    await request.arrayBuffer();
    return problem(401, 'invalid_credentials');
  };
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  for (const onProgress of [undefined, () => {}]) {
    refusals = 1;
    const { id, size } = await session.documents.upload({ file: new Blob([bytes]), filename: 'a.bin', onProgress });
    assert.equal(size, bytes.length);
    const back = await session.documents.download(id);
    assert.deepEqual(new Uint8Array(await back.arrayBuffer()), bytes);
  }
});

test('a session that has ended elsewhere is told once, to every subscriber', async (t) => {
  const { server, session, network, email, told } = await signedIn(t);
  const elsewhere = new InksongSession({ baseUrl: server.url, fetch: createCookieFetch().fetch });
  await elsewhere.login({ email, password: goodPassword });
  await elsewhere.sessions.endOthers();
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => session.me()));
  for (const outcome of outcomes) {
    assert.ok(outcome.status === 'rejected' && outcome.reason instanceof InksongError);
    assert.equal(outcome.reason.status, 401);
  }
  assert.deepEqual(told, ['signed-out']);
  assert.equal(session.isSignedIn, false);
  assert.equal(network.count(refresh), 1);
  assert.equal(await session.restore(), false);
});

test('a lost connection or an outage while refreshing is not a sign-out', async (t) => {
  const { session, network, told } = await signedIn(t, 0);
  for (const [outage, fault] of [
    [() => Promise.reject(new TypeError('fetch failed')), InksongConnectionError],
    [() => problem(503, 'unavailable', { 'Retry-After': '1' }), InksongError],
    [() => problem(429, 'rate_limited', { 'Retry-After': '9' }), InksongError],
    [
      () => new Response('<h1>Sign in to the hotel</h1>', { headers: { 'Content-Type': 'text/html' } }),
      InksongConnectionError,
    ],
    [() => new Response('<h1>Proxy</h1>', { status: 401, headers: { 'Content-Type': 'text/html' } }), InksongError],
  ] as const) {
    network.intercept = (_request, path) => (path === refresh ? outage() : null);
    await assert.rejects(session.me(), fault);
    await assert.rejects(session.restore(), fault);
    assert.equal(session.isSignedIn, true);
  }
  network.intercept = () => null;
  await session.me();
  assert.deepEqual(told, []);
});

test('while its token is still good, a call goes through although the refresh fails', async (t) => {
  const { session, network } = await signedIn(t, 30);
  network.intercept = (_request, path) => (path === refresh ? problem(503, 'unavailable') : null);
  await session.me();
  assert.equal(network.count(refresh), 1);
});

test('a refresh whose answer got lost is asked for again at once, and gets the same answer', async (t) => {
  const { session, network, told } = await signedIn(t, 0);
  let lost = 0;
  network.intercept = async (request, path) => {
    if (path !== refresh || lost > 0) return null;
    lost += 1;
    await network.fetch(request);
    throw new TypeError('fetch failed');
  };
  await session.me();
  assert.equal(lost, 1);
  assert.deepEqual(told, []);
});

test('restore tells whether there is a session, and takes it up', async (t) => {
  const { server, network, session } = await signedIn(t);
  const stranger = new InksongSession({ baseUrl: server.url, fetch: createCookieFetch().fetch });
  assert.equal(await stranger.restore(), false);
  const reloaded = new InksongSession({ baseUrl: server.url, fetch: network.fetch });
  const told: string[] = [];
  reloaded.subscribe((state) => told.push(state));
  assert.equal(reloaded.isSignedIn, false);
  assert.equal(await reloaded.restore(), true);
  assert.deepEqual(told, ['signed-in']);
  assert.equal((await reloaded.me()).id, (await session.me()).id);
});

test('signing up while the page still asks for a session keeps the new account and its key', async (t) => {
  const { server } = await signedIn(t);
  const network = createCookieFetch();
  const session = new InksongSession({ baseUrl: server.url, fetch: network.fetch });
  const held = Promise.withResolvers<null>();
  const asked = Promise.withResolvers<void>();
  network.intercept = (_request, path) => {
    if (path !== refresh) return null;
    asked.resolve();
    return held.promise;
  };
  const restoring = session.restore();
  await asked.promise;
  const registering = session.register({ email: 'new@example.com', password: goodPassword });
  held.resolve(null);
  assert.equal(await restoring, false);
  const made = await registering;
  assert.equal(made.status, 'registered');
  assert.equal(session.isSignedIn, true);
  assert.equal((await session.me()).email, 'new@example.com');
});
