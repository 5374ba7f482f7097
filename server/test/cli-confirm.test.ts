import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { confirm } from '../src/cli/confirm.ts';

/** A terminal on which somebody types `line`, or hangs up when it is null. */
function terminal(line: string | null) {
  const input = Object.assign(new PassThrough(), { isTTY: true });
  const output = new PassThrough();
  if (line === null) input.end();
  else input.write(`${line}\n`);
  return { input, output };
}

test('only a yes goes on', async () => {
  for (const line of ['y', 'yes', 'YES ']) await confirm('Sure?', {}, terminal(line));
  for (const line of ['', 'n', 'no', 'yeah, no', null]) {
    await assert.rejects(confirm('Sure?', {}, terminal(line)), { message: 'Nothing was changed.' });
  }
});

test('--yes does not ask', async () => {
  const { input, output } = terminal(null);
  await confirm('Sure?', { yes: true }, { input, output });
  assert.equal(output.read(), null);
});
