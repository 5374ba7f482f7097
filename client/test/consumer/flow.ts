// What a program of somebody else does with the published package; packed.test.ts compiles it there and runs it on the
// oldest Node and on this one. INKSONG_URL is the server, with no accounts but what this makes.

import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { type Document, Inksong, InksongConnectionError, InksongError, InksongSession } from '@inksong/client';

const baseUrl = process.env.INKSONG_URL ?? '';
const email = `node-${process.versions.node}@example.com`;
const password = 'five unrelated words do well';

let cookie: string | null = null;
let lifetimeSeconds: number | null = null;
let refreshes = 0;

/** Keeps the refresh cookie, as a browser would. */
async function fetchWithCookie(request: Request): Promise<Response> {
  if (cookie !== null) request.headers.set('Cookie', cookie);
  const { pathname } = new URL(request.url);
  if (pathname.endsWith('/auth/refresh')) refreshes += 1;
  const response = await fetch(request);
  const [set] = response.headers.getSetCookie();
  if (set !== undefined) cookie = set.split(';', 1)[0] ?? null;
  if (lifetimeSeconds === null || !/auth\/(register|login)$/.test(pathname)) return response;
  return Response.json({ ...Object(await response.json()), expires_in: lifetimeSeconds }, { status: response.status });
}

// A person signs up; many calls meet the expired token and share one refresh.
const session = new InksongSession({ baseUrl, fetch: fetchWithCookie });
const told: string[] = [];
session.subscribe((state) => told.push(state));
assert.equal(await session.restore(), false);
lifetimeSeconds = 0;
refreshes = 0;
const registration = await session.register({ email, password });
assert.ok(registration.status === 'registered');
lifetimeSeconds = null;
await Promise.all(Array.from({ length: 20 }, () => session.me()));
assert.equal(refreshes, 1);
assert.deepEqual(told, ['signed-in']);
assert.ok(!inspect(session, { depth: 20, showHidden: true }).includes('eyJ'));

// A server works with the key.
const inksong = new Inksong({ apiKey: registration.apiKey, baseUrl });
assert.equal((await inksong.me()).email, email);
for (let number = 0; number < 5; number++) await inksong.documents.create({ title: `${number}`, content: 'text' });
const titles: string[] = [];
for await (const document of inksong.documents.list({ limit: 2 })) titles.push(document.title);
assert.deepEqual(titles, ['4', '3', '2', '1', '0']);

// Uploads tell how far they are, and can be cancelled.
const bytes = new Uint8Array(1_000_000).fill(7);
const sent: number[] = [];
const uploaded: Document = await inksong.documents.upload({
  file: new Blob([bytes], { type: 'image/png' }),
  filename: 'picture.png',
  onProgress: ({ sentBytes }) => sent.push(sentBytes),
});
assert.ok(sent.length > 5 && (sent.at(-1) ?? 0) > bytes.length);
const download = await inksong.documents.download(uploaded.id);
assert.deepEqual(new Uint8Array(await download.arrayBuffer()), bytes);
assert.equal((await session.documents.replace(uploaded.id, { file: new Blob(['short']) })).size, 5);
const leaving = new AbortController();
const cancelled = inksong.documents.upload({
  file: new Blob([bytes]),
  signal: leaving.signal,
  onProgress: () => leaving.abort(),
});
await assert.rejects(cancelled, { name: 'AbortError' });

// Refusals and lost connections are told apart.
await assert.rejects(inksong.documents.get('doc_nothing'), (error: unknown) => {
  assert.ok(error instanceof InksongError);
  assert.deepEqual([error.status, error.code, error.retryAfterSeconds], [404, 'not_found', null]);
  return true;
});
await assert.rejects(new Inksong({ apiKey: 'ink_x', baseUrl: 'http://127.0.0.1:9' }).me(), InksongConnectionError);

// The person rotates the key, reads the log, and leaves.
const [key] = await session.apiKeys.list();
assert.ok(key);
const rotated = await session.apiKeys.rotate(key.id, { reason: 'test' });
await assert.rejects(inksong.me(), { status: 401 });
assert.equal((await new Inksong({ apiKey: rotated.api_key, baseUrl }).me()).email, email);
const kinds = (await session.events.page({ kind: 'api_key_rotated' })).items.map(({ kind }) => kind);
assert.deepEqual(kinds, ['api_key_rotated']);
await session.logout();
assert.deepEqual([session.isSignedIn, await session.restore(), told], [false, false, ['signed-in', 'signed-out']]);
console.log(`flow passed on Node ${process.versions.node}`);
