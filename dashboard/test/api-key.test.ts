import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { bootServer, goodPassword, type TestServer } from '../../server/test/boot.ts';
import { callFrom } from '../../server/test/call-from.ts';
import { assertAccessible, assertNothingKept, openTab, signInAsNew } from './open-dashboard.ts';

async function toPage(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();
}

async function openKeyPage(page: Page): Promise<void> {
  await toPage(page, 'API key');
  await page.getByRole('heading', { name: 'Allowed addresses' }).waitFor();
}

/** Lets the last proof of the password be too long ago for what changes credentials. */
async function ageSessions(server: TestServer): Promise<void> {
  await server.services.database.query
    .updateTable('sessions')
    .set(({ eb }) => ({ authenticated_at: eb('authenticated_at', '-', 901_000) }))
    .execute();
}

async function statusFrom(address: string, server: TestServer, key: string): Promise<number> {
  return (await callFrom(address, server, 'GET', '/documents/', { key })).status;
}

async function enterPassword(page: Page, password: string): Promise<void> {
  const dialog = page.getByRole('dialog', { name: 'Enter your password again' });
  await dialog.getByLabel('Password', { exact: true }).fill(password);
  await dialog.getByRole('button', { name: 'Go on' }).click();
}

test('rotating shows the new key once; it works at once, and who still sends the old one is seen', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  const { apiKey: oldKey } = await signInAsNew(page, server.url);
  await openKeyPage(page);
  await page.getByText(`${oldKey.slice(0, 8)}…${oldKey.slice(-4)}`).waitFor();
  assert.equal(await page.getByRole('heading', { name: 'The old key' }).count(), 0);
  await assertAccessible(page);

  await page.getByRole('button', { name: 'Rotate the key' }).click();
  const asking = page.getByRole('dialog', { name: 'Rotate the key' });
  await asking.getByLabel('Reason').fill('pasted into a chat');
  await assertAccessible(page);
  await asking.getByRole('button', { name: 'Rotate now' }).click();

  const revealing = page.getByRole('dialog', { name: 'Your new key' });
  await revealing.getByRole('button', { name: 'Copy key' }).click();
  await revealing.getByText('Copied.').waitFor();
  const newKey = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(newKey, /^ink_[0-9a-f]{48}$/);
  assert.equal(await statusFrom('127.0.0.1', server, newKey), 200);
  assert.equal(await statusFrom('127.0.0.1', server, oldKey), 401);
  await server.services.apiKeys.flushRetiredKeyAttempts();
  await assertAccessible(page);
  await assertNothingKept(page, [oldKey, newKey]);
  await page.keyboard.press('Escape');
  await revealing.getByText(newKey, { exact: true }).waitFor();
  await revealing.getByRole('checkbox').click();
  await revealing.getByRole('button', { name: 'Done' }).click();
  await revealing.waitFor({ state: 'hidden' });
  await page.getByText(`${newKey.slice(0, 8)}…${newKey.slice(-4)}`).waitFor();
  await assertNothingKept(page, [oldKey, newKey]);
  assert.ok(!(await page.content()).includes(newKey));

  await page.getByText('Still using the old key: 1 request, last from 127.0.0.1').waitFor();
  for (let count = 0; count < 13; count++) assert.equal(await statusFrom('127.0.3.9', server, oldKey), 401);
  await server.services.apiKeys.flushRetiredKeyAttempts();
  await page.getByText('Still using the old key: 14 requests, last from 127.0.3.9').waitFor();
  // Read out: who, but not every count and minute.
  await page.getByRole('status').getByText('The old key is still being used, last from 127.0.3.9.').waitFor();
  await assertAccessible(page);

  // A second rotation counts anew.
  await page.getByRole('button', { name: 'Rotate the key' }).click();
  await asking.getByRole('button', { name: 'Rotate now' }).click();
  await revealing.getByRole('checkbox').click();
  await revealing.getByRole('button', { name: 'Done' }).click();
  await page.getByText('Nobody has tried the old key since.').waitFor();
  await assertAccessible(page);
  const events = await server.services.database.query.selectFrom('events').selectAll().execute();
  assert.equal(events.filter((event) => JSON.stringify(event).includes('pasted into a chat')).length, 1);
});

test('changing a key wants the password when it was last entered long ago, and goes on from there', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_AUTH: '4/min' });
  const { page } = await openTab(t);
  const { apiKey } = await signInAsNew(page, server.url);
  await openKeyPage(page);
  await ageSessions(server);

  await page.getByRole('button', { name: 'Rename' }).click();
  const naming = page.getByRole('dialog', { name: 'Rename the key' });
  await naming.getByLabel('Name').fill('Nightly import');
  await naming.getByRole('button', { name: 'Rename' }).click();
  await enterPassword(page, 'not the right one');
  const field = page.getByRole('textbox', { name: 'Password' });
  await page.getByText('That is not your password.').waitFor();
  assert.equal(await field.getAttribute('aria-invalid'), 'true');
  await assertAccessible(page);

  // Calling it off is no failure, and leaves what was typed.
  await page.keyboard.press('Escape');
  await field.waitFor({ state: 'hidden' });
  assert.equal(await naming.getByLabel('Name').inputValue(), 'Nightly import');
  assert.equal(await naming.getByRole('alert').count(), 0);
  assert.equal(await page.getByRole('heading', { name: 'Nightly import' }).count(), 0);

  await naming.getByRole('button', { name: 'Rename' }).click();
  await enterPassword(page, goodPassword);
  await naming.waitFor({ state: 'hidden' });
  await page.getByRole('heading', { name: 'Nightly import' }).waitFor();

  // Proven once, it is not asked for again; the name is not the key.
  await page.getByRole('region', { name: 'Nightly import' }).getByRole('button', { name: 'Rename' }).click();
  await naming.getByLabel('Name').fill(apiKey);
  await naming.getByRole('button', { name: 'Rename' }).click();
  await naming.getByText('Looks like a key or token').waitFor();
  await naming.getByRole('button', { name: 'Cancel' }).click();

  // Signing up and in and two passwords were all that this server takes in a minute.
  await ageSessions(server);
  await page.getByLabel('Only these addresses').check();
  await page.getByLabel('Addresses, one a line').fill('127.0.0.0/8');
  await page.getByRole('button', { name: 'Save addresses' }).click();
  await enterPassword(page, goodPassword);
  await page.getByText(/^Too many tries\. Try again in (\d+ seconds|a moment)\.$/).waitFor();
  await assertAccessible(page);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await field.waitFor({ state: 'hidden' });
  assert.equal(await page.getByLabel('Addresses, one a line').inputValue(), '127.0.0.0/8');
  assert.equal(await page.getByRole('alert').count(), 0);
});

test('allowed addresses are checked line by line, warn whom they shut out, and are in force when saved', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  const { apiKey } = await signInAsNew(page, server.url);
  for (const address of ['127.0.3.9', '127.0.0.1']) assert.equal(await statusFrom(address, server, apiKey), 200);
  await server.services.apiKeys.flushSeenAddresses();
  await openKeyPage(page);

  const save = page.getByRole('button', { name: 'Save addresses' });
  const field = page.getByLabel('Addresses, one a line');
  assert.ok(await save.isDisabled());
  await page.getByLabel('Only these addresses').check();
  await save.click();
  await page.getByText('List at least one address').waitFor();

  await field.fill('\n2001:DB8:0:0::7\n10.0.0.1/8');
  await page.getByRole('button', { name: 'Line 3' }).waitFor();
  const described = await field.getAttribute('aria-describedby');
  const texts = await page.evaluate(
    (ids) => (ids ?? '').split(' ').map((id) => document.getElementById(id)?.textContent),
    described,
  );
  assert.match(texts.join(' '), /Line 3\s*10\.0\.0\.1\/8 has host bits set; did you mean 10\.0\.0\.0\/8\?/);
  assert.equal(await field.getAttribute('aria-invalid'), 'true');
  const marked = await page
    .locator('[data-line].text-danger')
    .evaluateAll((all) => all.map((each) => each.textContent));
  assert.deepEqual(marked, ['3']);
  await assertAccessible(page);
  await page.getByRole('button', { name: 'Line 3' }).click();
  assert.equal(await page.evaluate(() => getSelection()?.toString()), '10.0.0.1/8');

  // Saved too soon for the check while typing, a bad line is named all the same, and nothing is saved.
  await field.fill('nonsense');
  await save.click();
  await page.getByText('"nonsense" is not an IP address or range').waitFor();
  assert.equal(await statusFrom('127.0.3.9', server, apiKey), 200);

  await field.fill('2001:DB8:0:0::7');
  await page.getByText('Your address now is 127.0.0.1').waitFor();
  await page.getByRole('button', { name: 'Add it' }).click();
  assert.equal(await field.inputValue(), '2001:DB8:0:0::7\n127.0.0.1');
  const warning = page.getByRole('alert').filter({ hasText: 'would shut out' });
  await warning.getByRole('listitem').filter({ hasText: '127.0.3.9, last used now' }).waitFor();
  assert.equal(await warning.getByRole('listitem').count(), 1, 'the own address is on the list');
  await assertAccessible(page);

  await ageSessions(server);
  await save.click();
  const asking = page.getByRole('dialog', { name: 'Shut this address out?' });
  await asking.getByText('127.0.3.9').waitFor();
  await assertAccessible(page);
  await asking.getByRole('button', { name: 'Cancel' }).click();
  await asking.waitFor({ state: 'hidden' });
  assert.equal(await statusFrom('127.0.3.9', server, apiKey), 200);
  await save.click();
  await asking.getByRole('button', { name: 'Save and shut out' }).click();
  await enterPassword(page, goodPassword);
  await page.getByText('Saved. Each entry is shown in its standard form.').waitFor();
  assert.equal(await field.inputValue(), '2001:db8::7\n127.0.0.1');
  await page.getByRole('definition').filter({ hasText: '2001:db8::7' }).filter({ hasText: '127.0.0.1' }).waitFor();
  assert.equal(await statusFrom('127.0.3.9', server, apiKey), 403);
  assert.equal(await statusFrom('127.0.0.1', server, apiKey), 200);
  await assertAccessible(page);

  await page.getByLabel('Any address').check();
  await save.click();
  await page.getByText('Saved. Any address may use the key.').waitFor();
  assert.equal(await statusFrom('127.0.3.9', server, apiKey), 200);
  await assertNothingKept(page, [apiKey]);
});

test('unsaved addresses ask before one leaves, and outlast what changes meanwhile', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  await signInAsNew(page, server.url);
  await openKeyPage(page);
  const field = page.getByLabel('Addresses, one a line');
  const asking = page.getByRole('dialog', { name: 'Leave without saving?' });
  const asksBeforeUnload = () =>
    page.evaluate(() => !window.dispatchEvent(new Event('beforeunload', { cancelable: true })));

  assert.equal(await asksBeforeUnload(), false);
  await page.getByLabel('Only these addresses').check();
  await field.fill('192.0.2.7');
  assert.equal(await asksBeforeUnload(), true);
  await toPage(page, 'Documents');
  await asking.waitFor();
  await assertAccessible(page);
  await asking.getByRole('button', { name: 'Cancel' }).click();
  await asking.waitFor({ state: 'hidden' });
  await page.goBack();
  await asking.getByRole('button', { name: 'Cancel' }).click();
  await asking.waitFor({ state: 'hidden' });
  assert.equal(new URL(page.url()).pathname, '/api-key');

  // Another tab renames the key and limits it.
  await server.services.database.query
    .updateTable('api_keys')
    .set({ name: 'Renamed elsewhere', allowed_ips: '["198.51.100.4"]' })
    .execute();
  await page.getByRole('heading', { name: 'Renamed elsewhere' }).waitFor();
  await page.getByText('198.51.100.4').waitFor();
  assert.equal(await field.inputValue(), '192.0.2.7');
  await page.getByRole('button', { name: 'Undo changes' }).click();
  assert.equal(await field.inputValue(), '198.51.100.4');
  assert.equal(await asksBeforeUnload(), false);

  await field.fill('192.0.2.7');
  await toPage(page, 'Documents');
  await asking.getByRole('button', { name: 'Leave' }).click();
  await page.getByRole('heading', { name: 'Documents', level: 1 }).waitFor();
  await toPage(page, 'API key');
  assert.equal(await field.inputValue(), '198.51.100.4');
});

test('a key that cannot be read is said, with a way to try again', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  await signInAsNew(page, server.url);
  await page.route('**/api/v1/api-keys/', (route) =>
    route.fulfill({
      status: 429,
      headers: { 'Content-Type': 'application/problem+json', 'Retry-After': '42' },
      body: JSON.stringify({ code: 'rate_limited' }),
    }),
  );
  await toPage(page, 'API key');
  await page.getByText('Too many tries. Try again in 42 seconds.').waitFor();
  await assertAccessible(page);
  await page.unroute('**/api/v1/api-keys/');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('heading', { name: 'Allowed addresses' }).waitFor();
});
