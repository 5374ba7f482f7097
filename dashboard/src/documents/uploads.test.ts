import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createUploads, type SendOptions } from './uploads.ts';

function openUploads() {
  const sent: (SendOptions & { name: string; resolve: () => void; reject: (error: Error) => void })[] = [];
  const uploads = createUploads({
    send: (file, options) =>
      new Promise<void>((resolve, reject) => {
        options.signal.addEventListener('abort', () => reject(options.signal.reason));
        sent.push({ ...options, name: file.name, resolve, reject });
      }),
    failureText: (error) => String(error),
    onChange: () => {},
  });
  const statuses = () => uploads.current().uploads.map(({ name, status }) => `${name} ${status}`);
  const remarks = () => uploads.current().remarks.map(({ text }) => text);
  return {
    uploads,
    sent,
    statuses,
    remarks,
    add: (...names: string[]) => uploads.add(names.map((name) => new File(['x'], name))),
  };
}

test('two uploads are sent at a time, the rest wait their turn', async () => {
  const { sent, statuses, add } = openUploads();
  add('a', 'b', 'c');
  add('d');
  assert.deepEqual(statuses(), ['a sending', 'b sending', 'c waiting', 'd waiting']);
  sent[1]?.resolve();
  await setImmediate();
  assert.deepEqual(statuses(), ['a sending', 'b stored', 'c sending', 'd waiting']);
  sent[0]?.reject(new Error('no'));
  await setImmediate();
  assert.deepEqual(statuses(), ['a failed', 'b stored', 'c sending', 'd sending']);
});

test('a cancelled upload is aborted, gives its place to the next, and says nothing more', async () => {
  const { uploads, sent, statuses, remarks, add } = openUploads();
  add('a', 'b', 'c');
  uploads.cancel(1);
  assert.equal(sent[0]?.signal.aborted, true);
  sent[0]?.onProgress({ sentBytes: 1, totalBytes: 2 });
  await setImmediate();
  assert.deepEqual(statuses(), ['a cancelled', 'b sending', 'c sending']);
  assert.equal(uploads.current().uploads[0]?.percent, 0);
  assert.deepEqual(remarks(), [
    'Uploading a, 0 per cent.',
    'Uploading b, 0 per cent.',
    'a cancelled.',
    'Uploading c, 0 per cent.',
  ]);
});

test('an upload that is tried again right after its cancelling is not ended by the first try', async () => {
  const { uploads, sent, statuses, add } = openUploads();
  add('a');
  uploads.cancel(1);
  uploads.retry(1);
  await setImmediate();
  assert.deepEqual(statuses(), ['a sending']);
  sent[1]?.resolve();
  await setImmediate();
  assert.deepEqual(statuses(), ['a stored']);
});

test('a failed upload is tried again under the same idempotency key', async () => {
  const { uploads, sent, statuses, add } = openUploads();
  add('a');
  sent[0]?.reject(new Error('offline'));
  await setImmediate();
  assert.equal(uploads.current().uploads[0]?.failure, 'Error: offline');
  uploads.retry(1);
  assert.deepEqual(statuses(), ['a sending']);
  assert.equal(sent[1]?.idempotencyKey, sent[0]?.idempotencyKey);
  uploads.retry(1);
  assert.equal(sent.length, 2);
});

test('progress is told in whole per cent, is read out at neither, and is 100 only when stored', async () => {
  const { uploads, sent, remarks, add } = openUploads();
  add('a');
  const percents = [0, 1, 499, 500, 1_000].map((sentBytes) => {
    sent[0]?.onProgress({ sentBytes, totalBytes: 1_000 });
    return uploads.current().uploads[0]?.percent;
  });
  assert.deepEqual(percents, [0, 0, 49, 50, 99]);
  sent[0]?.resolve();
  await setImmediate();
  assert.equal(uploads.current().uploads[0]?.percent, 100);
  assert.deepEqual(remarks(), ['Uploading a, 0 per cent.', 'a uploaded, 100 per cent.']);
});

test('clearing the list keeps what failed and what goes on, and leaving cancels all', async () => {
  const { uploads, sent, statuses, add } = openUploads();
  add('a', 'b', 'c', 'd');
  sent[0]?.resolve();
  sent[1]?.reject(new Error('no'));
  await setImmediate();
  uploads.dismiss();
  assert.deepEqual(statuses(), ['b failed', 'c sending', 'd sending']);
  uploads.dismiss(2);
  uploads.dismiss(3);
  assert.deepEqual(statuses(), ['c sending', 'd sending']);
  uploads.cancelAll();
  assert.deepEqual(statuses(), ['c cancelled', 'd cancelled']);
  assert.ok(sent[2]?.signal.aborted && sent[3]?.signal.aborted);
});
