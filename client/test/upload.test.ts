import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootServer } from '../../server/test/boot.ts';
import { InksongConnectionError } from '../src/errors.ts';
import { Inksong } from '../src/inksong.ts';

const file = new Blob([new Uint8Array(2_000_000)]);

test('an upload tells how far it is, steadily, up to all of it', async (t) => {
  const server = await bootServer(t);
  const { apiKey } = await server.register();
  const inksong = new Inksong({ apiKey, baseUrl: server.url });
  const told: { sentBytes: number; totalBytes: number }[] = [];
  const { id } = await inksong.documents.upload({ file, onProgress: (progress) => told.push(progress) });
  assert.ok(told.length > 10, `${told.length} times`);
  const totals = new Set(told.map(({ totalBytes }) => totalBytes));
  const [total = 0] = totals;
  assert.ok(totals.size === 1 && total >= file.size && total < file.size + 1000);
  assert.equal(told.at(-1)?.sentBytes, total);
  for (const [index, { sentBytes }] of told.entries()) assert.ok(sentBytes > (told[index - 1]?.sentBytes ?? 0));

  told.length = 0;
  const replaced = await inksong.documents.replace(id, { file, onProgress: (progress) => told.push(progress) });
  assert.equal(replaced.size, file.size);
  assert.deepEqual(told.at(-1), { sentBytes: file.size, totalBytes: file.size });
});

test('an upload that is aborted under way ends with the signal’s reason, and leaves no document', async (t) => {
  const server = await bootServer(t);
  const { apiKey } = await server.register();
  const inksong = new Inksong({ apiKey, baseUrl: server.url });
  const leaving = new AbortController();
  const reason = new Error('The person changed their mind.');
  let told = 0;
  const uploading = inksong.documents.upload({
    file,
    signal: leaving.signal,
    onProgress: ({ sentBytes }) => {
      told += 1;
      if (sentBytes > 100_000) leaving.abort(reason);
    },
  });
  await assert.rejects(uploading, (error) => error === reason);
  const toldUntilThen = told;
  assert.deepEqual((await inksong.documents.page()).items, []);
  assert.equal(told, toldUntilThen);

  const never = inksong.documents.upload({ file, signal: AbortSignal.abort(reason) });
  await assert.rejects(never, (error) => error === reason);
});

test('a download that is aborted ends with the signal’s reason', async (t) => {
  const server = await bootServer(t);
  const { apiKey } = await server.register();
  const inksong = new Inksong({ apiKey, baseUrl: server.url });
  const { id } = await inksong.documents.upload({ file });
  const reason = new Error('Enough.');
  await assert.rejects(
    inksong.documents.download(id, { signal: AbortSignal.abort(reason) }),
    (error) => error === reason,
  );

  const leaving = new AbortController();
  const { body } = await inksong.documents.download(id, { signal: leaving.signal });
  const reader = body?.getReader();
  await reader?.read();
  leaving.abort(reason);
  await assert.rejects(async () => {
    while (!(await reader?.read())?.done);
  });
});

test('a server that goes away under an upload is a connection error', async (t) => {
  const server = await bootServer(t);
  const { apiKey } = await server.register();
  const inksong = new Inksong({ apiKey, baseUrl: server.url });
  let closing: Promise<void> | null = null;
  const uploading = inksong.documents.upload({
    file,
    onProgress: () => {
      closing ??= server.close();
    },
  });
  await assert.rejects(uploading, InksongConnectionError);
  await closing;
});
