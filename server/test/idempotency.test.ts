import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, bootServer, type TestServer } from './boot.ts';
import { eventually, fileForm, slowUpload } from './documents-upload.ts';

const upload = { title: 'T', content: 'bytes' };
const create = (server: TestServer, key: string, idempotencyKey: string, json: object = upload): Promise<Answer> =>
  server.call('POST', '/documents/', { key, json, headers: { 'idempotency-key': idempotencyKey } });
const countOf = async (server: TestServer, key: string): Promise<number> =>
  (await server.call('GET', '/documents/?limit=100', { key })).json.items.length;
const keyRows = (server: TestServer) =>
  server.services.database.query.selectFrom('idempotency_keys').selectAll().execute();

test('the same request again gets the first answer again, and makes no second document', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  const form = () => fileForm(Buffer.from('same'), { name: 'ünï.txt', type: 'text/plain', title: 'Form' });
  for (const send of [
    () => create(server, key, 'json'),
    () => server.call('POST', '/documents/', { key, body: form(), headers: { 'idempotency-key': 'form' } }),
  ]) {
    const first = await send();
    assert.equal(first.status, 201);
    await server.call('PATCH', `/documents/${first.json.id}`, { key, json: { title: 'renamed since' } });
    const again = await send();
    assert.equal(again.status, 201);
    assert.ok(again.bytes.equals(first.bytes));
    for (const name of ['etag', 'location', 'content-type'])
      assert.equal(again.headers.get(name), first.headers.get(name));
  }
  assert.equal(await countOf(server, key), 2);
});

test('the same key with anything else different is refused, and makes nothing', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  await create(server, key, 'k');
  for (const change of [{ title: 'U' }, { content: 'other' }, { content_type: 'text/markdown' }]) {
    const answer = await create(server, key, 'k', { ...upload, ...change });
    assert.deepEqual([answer.status, answer.json.code], [422, 'idempotency_key_reused'], JSON.stringify(change));
  }
  const named = (name: string) =>
    server.call('POST', '/documents/', {
      key,
      body: fileForm(Buffer.from('x'), { name, title: 'T' }),
      headers: { 'idempotency-key': 'f' },
    });
  assert.equal((await named('a.txt')).status, 201);
  assert.equal((await named('b.txt')).status, 422);
  assert.equal(await countOf(server, key), 2);
});

test('keys of two accounts have nothing to do with each other', async (t) => {
  const server = await bootServer(t);
  const one = await server.register();
  const two = await server.register();
  const first = await create(server, one.apiKey, 'k');
  const second = await create(server, two.apiKey, 'k');
  assert.deepEqual([first.status, second.status], [201, 201]);
  assert.notEqual(first.json.id, second.json.id);
});

test('of ten requests at once with one key one acts; the others get its answer or are told to wait', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  const answers = await Promise.all(Array.from({ length: 10 }, () => create(server, key, 'k')));
  for (const { status, json, headers } of answers) {
    assert.ok(status === 201 || (status === 409 && json.code === 'idempotency_in_progress'), `${status}`);
    if (status === 409) assert.match(headers.get('retry-after') ?? '', /^[1-9]\d*$/);
  }
  assert.equal(new Set(answers.filter(({ status }) => status === 201).map(({ json }) => json.id)).size, 1);
  assert.equal(await countOf(server, key), 1);
  assert.equal((await create(server, key, 'k')).status, 201);
});

/** Begins a form upload with a key and pauses within the file. */
async function pausedUpload(t: Parameters<typeof slowUpload>[0], server: TestServer, key: string) {
  const slow = slowUpload(t, server, [
    'POST /api/v1/documents/ HTTP/1.1',
    `X-API-Key: ${key}`,
    'Idempotency-Key: k',
    'Content-Type: multipart/form-data; boundary=x',
    'Transfer-Encoding: chunked',
  ]);
  const send = (text: string) => slow.socket.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
  send(
    '--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nslow\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nby',
  );
  await eventually(async () => (await keyRows(server)).length === 1);
  return {
    ...slow,
    async finish(): Promise<string> {
      send('tes\r\n--x--\r\n');
      slow.socket.write('0\r\n\r\n');
      await eventually(() => /\r\n\r\n./.test(slow.received()));
      return slow.received();
    },
  };
}

test('while the first request is under way a second is told to wait, before it has sent its file', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  const slow = await pausedUpload(t, server, key);
  const second = await create(server, key, 'k');
  assert.deepEqual([second.status, second.json.code], [409, 'idempotency_in_progress']);
  assert.match(await slow.finish(), /^HTTP\/1\.1 201 /);
  assert.equal(await countOf(server, key), 1);
});

test('a long upload renews its hold on the key', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  const slow = await pausedUpload(t, server, key);
  const { query } = server.services.database;
  await query.updateTable('idempotency_keys').set({ lease_until: 0 }).execute();
  t.mock.timers.tick(30_000);
  await eventually(async () => ((await keyRows(server))[0]?.lease_until ?? 0) > 0);
  assert.equal((await create(server, key, 'k')).status, 409);
  assert.match(await slow.finish(), /^HTTP\/1\.1 201 /);
});

test('a request that was refused or broken off frees its key', async (t) => {
  const server = await bootServer(t, { INKSONG_MAX_DOCUMENT_BYTES: '100' });
  const { apiKey: key } = await server.register();
  assert.equal((await create(server, key, 'k', { title: 'T', content: 'x'.repeat(101) })).status, 413);
  assert.equal(
    (await server.call('POST', '/documents/', { key, body: new FormData(), headers: { 'idempotency-key': 'k' } }))
      .status,
    422,
  );
  assert.deepEqual(await keyRows(server), []);
  const slow = await pausedUpload(t, server, key);
  slow.socket.destroy();
  await eventually(async () => (await keyRows(server)).length === 0);
  assert.equal((await create(server, key, 'k')).status, 201);
  assert.equal(await countOf(server, key), 1);
});

test('a key whose holder died is taken over, and the late holder can no longer act', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  const slow = await pausedUpload(t, server, key);
  await server.services.database.query.updateTable('idempotency_keys').set({ lease_until: 0 }).execute();
  const taker = await create(server, key, 'k');
  assert.equal(taker.status, 201);
  assert.match(await slow.finish(), /^HTTP\/1\.1 409 /);
  const { items } = (await server.call('GET', '/documents/', { key })).json;
  assert.deepEqual(
    items.map(({ id }: { id: string }) => id),
    [taker.json.id],
  );
  assert.equal((await create(server, key, 'k')).json.id, taker.json.id, 'the late holder has not freed the key');
});

test('outcomes are kept for 24 hours, then forgotten and purged', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  const age = (hours: number) =>
    server.services.database.query
      .updateTable('idempotency_keys')
      .set((eb) => ({ created_at: eb('created_at', '-', hours * 3_600_000) }))
      .execute();
  const first = await create(server, key, 'k');
  await age(23);
  await server.services.documents.purge();
  assert.equal((await create(server, key, 'k')).json.id, first.json.id);
  await age(2);
  assert.notEqual((await create(server, key, 'k')).json.id, first.json.id, 'also before the purge has run');
  await age(25);
  await server.services.documents.purge();
  assert.deepEqual(await keyRows(server), []);
});

test('a key has 1 to 255 visible characters of ASCII', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  for (const bad of ['', 'a b', 'ü', 'x'.repeat(256)]) assert.equal((await create(server, key, bad)).status, 422, bad);
  for (const good of ['!', '~'.repeat(255)]) assert.equal((await create(server, key, good)).status, 201, good);
});
