import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createLogDestination } from './log-destination.ts';

function logFile(t: TestContext): { fd: number; lines: () => string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'inksong-log-'));
  const path = join(folder, 'log');
  const fd = openSync(path, 'a');
  t.after(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true, force: true });
  });
  return { fd, lines: () => readFileSync(path, 'utf8').split('\n').slice(0, -1) };
}

test('lines come out whole and in order, those at the end by a flush', (t) => {
  const { fd, lines } = logFile(t);
  // Less than a piece in characters, so that none is written before the flush; and more in bytes, so that it takes two.
  const destination = createLogDestination(fd, 180);
  const written = Array.from({ length: 20 }, (_, number) => `{"€":${number}}`);
  for (const line of written) destination.write(`${line}\n`);
  destination.flushSync();
  assert.deepEqual(lines(), written);
});

test('lines come out by themselves', async (t) => {
  const { fd, lines } = logFile(t);
  const destination = createLogDestination(fd, 100);
  const long = `{"text":"${'x'.repeat(10_000)}"}`;
  destination.write('{"number":1}\n');
  destination.write(`${long}\n`);
  while (lines().length < 2) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(lines(), ['{"number":1}', long]);
});

test('what has come together in a small piece does not wait for a large one', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { fd, lines } = logFile(t);
  const destination = createLogDestination(fd, 100);
  const written = Array.from({ length: 9 }, (_, number) => `{"number":${number},"text":"${'x'.repeat(20)}"}`);
  for (const line of written) destination.write(`${line}\n`);
  // Two lines are a piece; the ninth waits for others.
  while (lines().length < 8) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(lines(), written.slice(0, 8));
  while (lines().length < 9) {
    t.mock.timers.tick(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(lines(), written);
});

test('what cannot be written is lost, and whoever logs goes on', (t) => {
  // As on a full disk, every write to it fails.
  const readOnly = openSync('/dev/null', 'r');
  t.after(() => closeSync(readOnly));
  const destination = createLogDestination(readOnly, 100);
  for (let round = 0; round < 3; round++) {
    destination.write('{"number":1}\n');
    destination.flushSync();
  }
});

test('a flush also writes what waits for a reader that was slow, in its place', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'inksong-log-'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  const pipe = openSync(join(folder, 'pipe'), constants.O_RDWR | constants.O_NONBLOCK);
  t.after(() => {
    closeSync(pipe);
    rmSync(folder, { recursive: true });
  });
  untilBusy(() => writeSync(pipe, '\n'.repeat(4096)));
  const { promise: busy, resolve: noteBusy } = Promise.withResolvers<void>();
  t.mock.method(globalThis, 'setTimeout', () => {
    noteBusy();
    return { unref: () => {} };
  });
  const destination = createLogDestination(pipe, 100);
  const written = Array.from({ length: 20 }, (_, number) => `{"number":${number},"text":"${'x'.repeat(100)}"}`);
  for (const line of written) destination.write(`${line}\n`);
  await busy;
  readAll(pipe);
  destination.flushSync();
  assert.deepEqual(readAll(pipe).split('\n').slice(0, -1), written);
});

function readAll(pipe: number): string {
  let text = '';
  const buffer = Buffer.alloc(4096);
  untilBusy(() => {
    text += buffer.toString('utf8', 0, readSync(pipe, buffer));
  });
  return text;
}

function untilBusy(step: () => void): void {
  try {
    for (;;) step();
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
  }
}
