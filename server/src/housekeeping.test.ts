import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startHousekeeping } from './housekeeping.ts';
import { inSlices, sliceRows } from './slices.ts';

const log = { warn: (): void => {} };

test('a stop ends a purge after the slice it is at, and waits for that slice', async () => {
  const started = Promise.withResolvers<void>();
  const written = Promise.withResolvers<number>();
  let slices = 0;
  const stop = startHousekeeping(
    [
      {
        name: 'purge a lot',
        everySeconds: 0,
        run: (stopping) =>
          inSlices(() => {
            started.resolve();
            // Unheeded, a stop would be waited for without end.
            return slices++ < 10 ? written.promise : Promise.resolve(0);
          }, stopping),
      },
    ],
    log,
  );
  // The housekeeping's own timers do not keep a process running.
  const alive = setInterval(() => {}, 1000);
  await started.promise;
  const stopped = stop();
  let isStopped = false;
  void stopped.then(() => {
    isStopped = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isStopped, false, 'the slice is still being written');
  written.resolve(sliceRows);
  await stopped;
  assert.equal(slices, 1);
  clearInterval(alive);
});

test('work in slices goes on until one comes back short', async () => {
  const left = [sliceRows, sliceRows, sliceRows - 1, sliceRows];
  await inSlices(async () => left.shift() ?? 0, undefined);
  assert.deepEqual(left, [sliceRows]);
});
