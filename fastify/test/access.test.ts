import assert from 'node:assert/strict';
import { test } from 'node:test';
import cors from '@fastify/cors';
import Fastify, { type RouteOptions } from 'fastify';
import { type InksongOptions, inksong } from '../src/index.ts';
import { identity, pretendInksong } from './pretended-inksong.ts';

/** Nothing listens there: whatever a test lets through, Inksong has not. */
const nowhere: InksongOptions = { url: 'http://127.0.0.1:9' };
const handler = async () => 'reached';
/** A route as a program without types may write it. */
const routeOf = (config: unknown): RouteOptions => ({ method: 'GET', url: '/', handler, config: config as never });

test('a route that states no access, or none that exists, keeps the app from starting', async () => {
  const configs = [undefined, {}, { access: undefined }, { access: null }, { access: 'api_key' }, { access: 'Public' }];
  for (const config of configs) {
    const app = Fastify();
    await app.register(inksong, nowhere);
    assert.throws(() => app.route(routeOf(config)), /GET \/ (does not state its access|states an access)/);
  }
  const inner = Fastify();
  await inner.register(inksong, nowhere);
  inner.register(async (part) => {
    part.route(routeOf({}));
  });
  await assert.rejects(async () => inner.ready(), /GET \/ does not state its access/);
});

test('of routes for preflights, only the one that takes them for all paths needs no access', async () => {
  const app = Fastify();
  await app.register(inksong, nowhere);
  app.options('*', handler);
  assert.throws(() => app.options('/secret/*', handler), /OPTIONS \/secret\/\* does not state its access/);
});

test('registered twice, it says so', async () => {
  const app = Fastify();
  await app.register(inksong, nowhere);
  await assert.rejects(async () => app.register(inksong, nowhere), /Register @inksong\/fastify once/);
});

test('an app with routes from before the plugin does not start, since those would not be guarded', async () => {
  const forgotAwait = Fastify();
  forgotAwait.register(inksong, nowhere);
  forgotAwait.route(routeOf({ access: 'both' }));
  await assert.rejects(async () => forgotAwait.ready(), /before any route, with await/);

  const tooLate = Fastify();
  tooLate.register(async (part) => {
    part.route(routeOf({ access: 'both' }));
  });
  tooLate.register(inksong, nowhere);
  await assert.rejects(async () => tooLate.ready(), /before any route, with await/);
});

test('every method is guarded, in inner parts of the app too, HEAD included; what is not found needs no credential', async () => {
  const app = Fastify();
  await app.register(inksong, nowhere);
  app.register(
    async (part) => {
      part.route({ ...routeOf({ access: 'both' }), method: app.supportedMethods });
      part.get('/get', { config: { access: 'api-key' } }, handler);
    },
    { prefix: '/inner' },
  );
  await app.ready();
  for (const method of [...app.supportedMethods, 'HEAD']) {
    const answer = await app.inject({ method: method as 'GET', url: '/inner' });
    assert.equal(answer.statusCode, 503, method);
  }
  const head = await app.inject({ method: 'HEAD', url: '/inner/get' });
  assert.deepEqual([head.statusCode, head.body], [503, '']);
  assert.equal((await app.inject('/nowhere')).statusCode, 404);
});

test('registered in one part of an app, it guards that part alone', async () => {
  const app = Fastify();
  await app.register(async (part) => {
    await part.register(inksong, nowhere);
    part.get('/guarded', { config: { access: 'both' } }, handler);
  });
  app.get('/open', { config: { access: 'both' } }, handler);
  assert.equal((await app.inject('/guarded')).statusCode, 503);
  assert.equal((await app.inject('/open')).body, 'reached');
});

test('pages of an allowed origin get their preflight wherever the CORS plugin stands, and may read a refusal when it stands first', async (t) => {
  const pretended = await pretendInksong(t, (response) => {
    response.writeHead(401, { 'Content-Type': 'application/problem+json' }).end('{}');
  });
  const origin = 'https://app.example.com';
  for (const place of ['before', 'after']) {
    const app = Fastify();
    if (place === 'before') await app.register(cors, { origin });
    await app.register(inksong, { url: pretended.url });
    if (place === 'after') await app.register(cors, { origin });
    app.get('/', { config: { access: 'bearer' } }, handler);
    const preflight = await app.inject({
      method: 'OPTIONS',
      url: '/',
      headers: { origin, 'access-control-request-method': 'GET' },
    });
    assert.equal(preflight.statusCode, 204, place);
    assert.equal(preflight.headers['access-control-allow-origin'], origin, place);
    assert.equal(pretended.questions.length, 0, place);
    // Afterwards it is too late for what the guard has answered.
    if (place === 'before') {
      const refused = await app.inject({ url: '/', headers: { origin } });
      assert.equal(refused.statusCode, 401);
      assert.equal(refused.headers['access-control-allow-origin'], origin);
      pretended.questions.length = 0;
    }
  }
});

test('an address that Inksong cannot be at, or a time limit that is none, keeps the app from starting', async () => {
  const urls = [
    '',
    '127.0.0.1:8080',
    'localhost:8080',
    'ftp://127.0.0.1',
    'file:///etc/passwd',
    '/api',
    'http://h/?a=b',
    'http://h/api/v1',
    'http://h/inksong/api/v1/auth/forward',
  ];
  for (const url of [...urls, 'http://h/#a', 'http://name:hunter2@127.0.0.1', 'http://name@127.0.0.1']) {
    await assert.rejects(
      async () => Fastify().register(inksong, { url }),
      ({ message }: Error) => /^url must/.test(message) && !message.includes('hunter2'),
      url,
    );
  }
  for (const timeoutMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 60_001, '5' as unknown as number]) {
    await assert.rejects(async () => Fastify().register(inksong, { ...nowhere, timeoutMs }), /^RangeError: timeoutMs/);
  }
});

test('Inksong may stand below a path', async (t) => {
  const pretended = await pretendInksong(t, (response) => response.writeHead(200, identity).end());
  for (const path of ['', '/', '/inksong', '/inksong/']) {
    const app = Fastify();
    await app.register(inksong, { url: pretended.url + path });
    app.get('/', { config: { access: 'api-key' } }, handler);
    assert.equal((await app.inject('/')).body, 'reached');
    const prefix = path.replace(/\/$/, '');
    assert.equal(pretended.questions.at(-1)?.url, `${prefix}/api/v1/auth/forward/api-key`);
  }
});
