import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { goodPassword } from '../../server/test/boot.ts';
import { spawnServer } from '../../server/test/spawn-server.ts';
import { assertNothingKept, openTab } from './open-dashboard.ts';

const run = promisify(execFile);

/** Runs the curl command that the page offers, as a person would in a shell. Returns the status and the answer. */
async function runCurl(command: string): Promise<{ status: number; body: string }> {
  const { stdout } = await run('sh', ['-c', `${command} --silent --write-out '\\n%{http_code}'`]);
  const lines = stdout.trimEnd().split('\n');
  return { status: Number(lines.pop()), body: lines.join('\n') };
}

test('from signing up to signing out: the key, documents, a rotation, an allowlist and sessions', async (t) => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'inksong-journey-'));
  const { url } = await spawnServer(t, dataDirectory);
  t.after(() => rmSync(dataDirectory, { recursive: true, force: true }));
  const { page } = await openTab(t);
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  const openPage = async (name: string) => {
    await page.getByRole('link', { name, exact: true }).click();
    await page.getByRole('heading', { name, level: 1 }).waitFor();
  };

  await page.goto(url);
  await page.getByRole('link', { name: 'Make an account' }).click();
  await page.getByRole('heading', { name: 'Make an account' }).waitFor();
  await page.getByLabel('E-mail').fill('person@example.com');
  await page.getByLabel('Password', { exact: true }).fill(goodPassword);
  await page.getByRole('button', { name: 'Make the account' }).click();
  await page.getByRole('button', { name: 'Copy key' }).click();
  await page.getByText('Copied.').waitFor();
  const firstKey = await copied();
  const curl = await page.getByRole('region', { name: 'curl command' }).innerText();
  assert.equal((await runCurl(curl)).status, 200);
  await page.getByRole('checkbox', { name: 'I have stored the key' }).check();
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
  await assertNothingKept(page, [firstKey]);

  await page.getByRole('navigation').getByRole('link', { name: 'Documents' }).click();
  await page
    .locator('input[type=file]')
    .first()
    .setInputFiles({ name: 'minutes.txt', mimeType: 'text/plain', buffer: Buffer.from('All present.') });
  await page.getByRole('table').or(page.getByRole('list')).getByText('minutes').first().waitFor();
  assert.match((await runCurl(curl)).body, /minutes/);

  await openPage('API key');
  await page.getByRole('button', { name: 'Rotate the key' }).click();
  await page.getByLabel('Reason').fill('pasted into a chat');
  await page.getByRole('button', { name: 'Rotate now' }).click();
  await page.getByRole('button', { name: 'Copy key' }).click();
  await page.getByText('Copied.').waitFor();
  const secondKey = await copied();
  assert.equal((await runCurl(curl)).status, 401);
  const newCurl = curl.replace(firstKey, secondKey);
  assert.equal((await runCurl(newCurl)).status, 200);
  await page.getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByText('Still using the old key: 1 request, last from 127.0.0.1').waitFor();
  await assertNothingKept(page, [firstKey, secondKey]);

  await page.getByLabel('Only these addresses').check();
  await page.getByLabel('Addresses, one a line').fill('203.0.113.0/24');
  await page.getByRole('button', { name: 'Save addresses' }).click();
  // It asks first, once the requests above have been noted: a few seconds late.
  const saved = page.getByText('Saved. Each entry is shown in its standard form.');
  const anyway = page.getByRole('button', { name: 'Save and shut out' });
  await saved.or(anyway).first().waitFor();
  if (await anyway.isVisible()) await anyway.click();
  await saved.waitFor();
  assert.equal((await runCurl(newCurl)).status, 403);

  await openPage('Activity');
  await page.getByText('pasted into a chat').waitFor();
  await openPage('Sessions');
  await page.getByText('This session', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.equal(await page.getByText('This session', { exact: true }).count(), 0);
  await assertNothingKept(page, [firstKey, secondKey, goodPassword]);
});
