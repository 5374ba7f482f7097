import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { bootServer } from '../../server/test/boot.ts';
import { InksongConnectionError, InksongError } from '../src/errors.ts';
import { Inksong } from '../src/inksong.ts';
import { InksongSession } from '../src/inksong-session.ts';
import { problem } from './cookie-fetch.ts';
import { signedIn } from './session.ts';

const apiKey = `ink_${'5ec2e7'.repeat(8)}`;

async function withKey(t: TestContext) {
  const server = await bootServer(t);
  const account = await server.register();
  return { server, account, inksong: new Inksong({ apiKey: account.apiKey, baseUrl: `${server.url}/` }) };
}

/** A server that redirects everything; returns its address. */
async function redirecting(t: TestContext, to: string): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(307, { Location: to }).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a key does all that a key may do', async (t) => {
  const { account, inksong } = await withKey(t);
  const me = await inksong.me();
  assert.deepEqual([me.email, me.scheme, me.api_key_id], [account.email, 'api_key', account.apiKeyId]);
  const created = await inksong.documents.create({ title: 'Note', content: '# Note', contentType: 'text/markdown' });
  assert.equal(created.content_type, 'text/markdown');
  assert.deepEqual(await inksong.documents.get(created.id), created);
  assert.equal((await inksong.documents.rename(created.id, 'Renamed')).title, 'Renamed');
  const bytes = await inksong.documents.download(created.id);
  assert.equal(await bytes.text(), '# Note');
  const ifMatch = bytes.headers.get('ETag') ?? '';
  const file = new Blob(['{}'], { type: 'application/json' });
  const replaced = await inksong.documents.replace(created.id, { file, ifMatch });
  assert.deepEqual([replaced.size, replaced.content_type], [2, 'application/json']);
  await assert.rejects(inksong.documents.replace(created.id, { file, ifMatch }), { code: 'precondition_failed' });
  await inksong.documents.delete(created.id);
  await assert.rejects(inksong.documents.get(created.id), { status: 404, code: 'not_found' });
  const { days } = await inksong.usage({ days: 7 });
  assert.equal(days.length, 7);
});

test('an upload keeps bytes, name, type and title, whatever they are', async (t) => {
  const { inksong } = await withKey(t);
  const names = ['a.txt', 'two words.pdf', 'qu"ote.md', 'Jahresübersicht – 2026.csv', '日本.txt', 'a;b=c.txt'];
  const titles = [undefined, 'A title', '--boundary', 'Ünï "quoted"; name=file'];
  for (const [index, filename] of names.entries()) {
    for (const onProgress of [undefined, () => {}]) {
      const title = titles[index % titles.length];
      // Lengths around nothing and around the pieces that progress is counted in.
      const bytes = crypto.getRandomValues(new Uint8Array([0, 1, 65_535, 65_536, 2, 3][index] ?? 0));
      const file = new Blob([bytes], { type: 'application/x-thing' });
      const document = await inksong.documents.upload({ file, filename, title, onProgress });
      assert.deepEqual(
        [document.filename, document.title, document.content_type, document.size],
        [filename, title ?? filename, 'application/x-thing', bytes.length],
      );
      const back = await inksong.documents.download(document.id);
      assert.deepEqual(new Uint8Array(await back.arrayBuffer()), bytes);
    }
  }
  const file = new File(['x'], 'own name.txt');
  assert.equal((await inksong.documents.upload({ file })).filename, 'own name.txt');
});

test('the same idempotency key gives the first document again', async (t) => {
  const { inksong } = await withKey(t);
  const note = { title: 'Once', content: 'text', idempotencyKey: 'note-1' };
  assert.equal((await inksong.documents.create(note)).id, (await inksong.documents.create(note)).id);
  const upload = { file: new Blob(['bytes']), filename: 'a', idempotencyKey: 'upload-1' };
  assert.equal((await inksong.documents.upload(upload)).id, (await inksong.documents.upload(upload)).id);
  await assert.rejects(inksong.documents.create({ ...note, content: 'other' }), { code: 'idempotency_key_reused' });
});

test('the list goes through all pages, once each, in order, and no further than it is read', async (t) => {
  const { server, account, inksong } = await withKey(t);
  const made: string[] = [];
  for (let number = 0; number < 7; number++) {
    made.unshift((await inksong.documents.create({ title: `Note ${number % 2}`, content: 'text' })).id);
  }
  for (const limit of [1, 2, 3, 7, 100, undefined]) {
    const listed = await Array.fromAsync(inksong.documents.list({ limit }));
    assert.deepEqual(
      listed.map(({ id }) => id),
      made,
    );
  }
  const found = await Array.fromAsync(inksong.documents.list({ q: 'note 1', limit: 2 }));
  assert.equal(found.length, 3);

  const first = await inksong.documents.page({ limit: 4 });
  const second = await inksong.documents.page({ limit: 4, cursor: first.next_cursor ?? '' });
  assert.deepEqual([first.items.length, second.items.length, second.next_cursor], [4, 3, null]);

  let pages = 0;
  const counting = new Inksong({
    apiKey: account.apiKey,
    baseUrl: server.url,
    fetch: (request) => {
      pages += 1;
      return globalThis.fetch(request);
    },
  });
  for await (const _document of counting.documents.list({ limit: 2 })) break;
  assert.equal(pages, 1);
});

test('a refusal is an InksongError with all that the server said', async (t) => {
  const { inksong } = await withKey(t);
  const fault: unknown = await inksong.documents.create({ title: '', content: 'text' }).catch((error) => error);
  assert.ok(fault instanceof InksongError && fault instanceof Error);
  assert.deepEqual([fault.status, fault.code, fault.errors[0]?.pointer], [422, 'validation_failed', '/title']);
  assert.equal(fault.message, fault.detail);
  assert.match(fault.requestId ?? '', /^req_/);
  assert.equal(fault.retryAfterSeconds, null);
});

test('Retry-After is seconds, from either of its forms', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-01-31T12:00:00Z') });
  for (const [header, seconds] of [
    ['17', 17],
    ['Sat, 31 Jan 2026 12:00:30 GMT', 30],
    ['Sat, 31 Jan 2026 11:00:00 GMT', 0],
    ['soon', null],
  ] as const) {
    const fetch = async () => problem(429, 'rate_limited', { 'Retry-After': header });
    const inksong = new Inksong({ apiKey, fetch });
    await assert.rejects(inksong.me(), { code: 'rate_limited', retryAfterSeconds: seconds });
  }
});

test('what is not Inksong’s own answer is told apart from what is', async () => {
  const answering = (response: () => Response | Promise<Response>) =>
    new Inksong({ apiKey, fetch: async () => response() });
  const page = { headers: { 'Content-Type': 'text/html', 'X-Request-Id': 'proxy-1' } };
  await assert.rejects(answering(() => new Response('<h1>Bad gateway</h1>', { ...page, status: 502 })).me(), {
    name: 'InksongError',
    status: 502,
    code: 'unknown',
    requestId: 'proxy-1',
  });
  await assert.rejects(answering(() => new Response('<h1>Welcome</h1>', page)).me(), InksongConnectionError);
  await assert.rejects(answering(() => Promise.reject(new TypeError('fetch failed'))).me(), (error) => {
    assert.ok(error instanceof InksongConnectionError && error.cause instanceof TypeError);
    return true;
  });
  const broken = new ReadableStream({ pull: (controller) => controller.error(new TypeError('terminated')) });
  await assert.rejects(answering(() => new Response(broken)).me(), InksongConnectionError);
});

test('a key does not follow a redirect to wherever it leads', async (t) => {
  const { server } = await withKey(t);
  const before = server.logLines.length;
  const inksong = new Inksong({ apiKey, baseUrl: await redirecting(t, `${server.url}/api/v1/me`) });
  await assert.rejects(inksong.me(), InksongConnectionError);
  await assert.rejects(inksong.documents.download('doc_1'), InksongConnectionError);
  await assert.rejects(inksong.documents.upload({ file: new Blob(['x']) }), InksongConnectionError);
  assert.equal(server.logLines.length, before);
});

test('no error and no inspection shows a key, a token or a password', async (t) => {
  const { session, network, apiKey: key } = await signedIn(t);
  const inksong = new Inksong({ apiKey: key, baseUrl: 'http://127.0.0.1:9' });
  await session.me();
  const secrets = [key, network.sent.at(-1)?.headers.get('Authorization')?.slice(7) ?? '', 'my-own-password'];
  assert.ok(secrets.every((secret) => secret.length > 10));
  const faults = await Promise.all([
    inksong.me().catch((error) => error),
    session.reauthenticate({ password: 'my-own-password' }).catch((error) => error),
    session.documents.get('nothing').catch((error) => error),
    thrownBy(() => new Inksong({ apiKey: `${key}\n` })),
    thrownBy(() => new Inksong({ apiKey: `${key} é` })),
    thrownBy(() => new Inksong({ apiKey: key, baseUrl: 'https://user:my-own-password@example.com' })),
    thrownBy(() => new InksongSession({ baseUrl: 'not an address my-own-password' })),
  ]);
  for (const shown of [...faults, inksong, session]) {
    assert.notEqual(shown, undefined);
    const text = `${inspect(shown, { depth: 20, showHidden: true })} ${String(shown)} ${JSON.stringify(shown)} ${shown.stack}`;
    for (const secret of secrets) assert.ok(!text.includes(secret), text);
  }
});

test('in a browser or an app, a key is refused, saying why; a session is not', () => {
  const scope = globalThis as Record<string, unknown>;
  const attempt = (names: Record<string, unknown>, make: () => unknown): unknown => {
    const before = Object.getOwnPropertyDescriptors(scope);
    for (const [name, value] of Object.entries(names)) {
      Object.defineProperty(scope, name, { value, configurable: true, writable: true });
    }
    try {
      return thrownBy(make);
    } finally {
      for (const name of Object.keys(names)) {
        delete scope[name];
        if (before[name]) Object.defineProperty(scope, name, before[name]);
      }
    }
  };
  const key = () => new Inksong({ apiKey });
  for (const place of [
    { window: {}, document: {} },
    { importScripts: () => {} },
    { navigator: { product: 'ReactNative' }, window: {} },
  ]) {
    const fault = attempt(place, key);
    assert.ok(fault instanceof TypeError, inspect(place));
    assert.match(fault.message, /does not belong in a browser.*InksongSession/);
  }
  for (const place of [{}, { Deno: {}, window: {} }, { Bun: {}, importScripts: () => {} }, { window: {} }]) {
    assert.equal(attempt(place, key), undefined, inspect(place));
  }
});

test('a key that is not there or an address that is none is refused at once', () => {
  for (const options of [
    { apiKey: undefined as unknown as string },
    { apiKey: '' },
    { apiKey, baseUrl: '/relative' },
    { apiKey, baseUrl: 'ftp://example.com' },
    { apiKey, baseUrl: '' },
  ]) {
    assert.throws(() => new Inksong(options), TypeError);
  }
});

function thrownBy(make: () => unknown): unknown {
  try {
    make();
    return undefined;
  } catch (error) {
    return error;
  }
}
