import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { bootServer, goodPassword, type TestServer, temporaryDirectory } from '../../server/test/boot.ts';
import { runSample } from '../../server/test/samples.ts';
import { samplesFor } from '../src/home/samples.ts';
import { assertAccessible, openTab, signIn, signInAsNew } from './open-dashboard.ts';

const betterPassword = 'seven quiet herons crossing water';

async function openPage(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();
  await page.getByRole('heading', { name, level: 1 }).waitFor();
}

/** Makes it more than 15 minutes since any password was given. */
async function ageProofs(server: TestServer): Promise<void> {
  await server.services.database.query
    .updateTable('sessions')
    .set((eb) => ({ authenticated_at: eb('authenticated_at', '-', 901_000) }))
    .execute();
}

async function enterPassword(page: Page): Promise<void> {
  const dialog = page.getByRole('dialog', { name: 'Enter your password again' });
  await dialog.getByLabel('Password', { exact: true }).fill(goodPassword);
  await dialog.getByRole('button', { name: 'Go on' }).click();
  await dialog.waitFor({ state: 'hidden' });
}

async function kindsOf(server: TestServer): Promise<string[]> {
  const rows = await server.services.database.query.selectFrom('events').select('kind').execute();
  return rows.map(({ kind }) => kind);
}

async function statusOfLogin(server: TestServer, email: string, password: string): Promise<number> {
  return (await server.call('POST', '/auth/login', { json: { email, password } })).status;
}

test('home has a first request to this very server in three languages, and remembers which one is read', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  const { apiKey } = await signInAsNew(page, server.url);
  const copied = new Map<string, string>();
  for (const { label, code } of samplesFor(server.url)) {
    await page.getByRole('tab', { name: label }).click();
    const sample = page.getByLabel(`First request in ${label}`);
    assert.equal(await sample.textContent(), code);
    await page.getByRole('tabpanel', { name: label }).getByRole('button', { name: 'Copy' }).click();
    await page.getByRole('tabpanel', { name: label }).getByText('Copied.').waitFor();
    copied.set(label, await page.evaluate(() => navigator.clipboard.readText()));
    assert.equal(copied.get(label), code);
  }
  await page.reload();
  const tab = page.getByRole('tab', { name: 'JavaScript' });
  await tab.waitFor();
  assert.equal(await tab.getAttribute('aria-selected'), 'true');
  await tab.press('ArrowLeft');
  assert.equal(await page.getByRole('tab', { name: 'Python' }).getAttribute('aria-selected'), 'true');

  // Python's needs a package of Debian's: it is run by server/test/all/samples.test.ts.
  await server.call('POST', '/documents/', { key: apiKey, json: { title: 'Tide tables', content: 'x' } });
  const folder = temporaryDirectory(t);
  const runs: [string, string[]][] = [
    ['sh', ['-c', copied.get('curl') ?? '']],
    [process.execPath, ['--input-type=module', '--eval', copied.get('JavaScript') ?? '']],
  ];
  for (const [command, words] of runs) {
    const { code, stdout, stderr } = await runSample(command, words, { apiKey, folder });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /items.*Tide tables/s, command);
  }
});

test('home says what to do next, and its chart and table show the requests that were made', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  const { email, apiKey } = await signInAsNew(page, server.url);
  await page.getByText('Make your first call').waitFor();
  await page.getByText('No requests yet').waitFor();
  await page.getByText('There are none yet. Upload one here').waitFor();
  await assertAccessible(page);

  for (let count = 0; count < 7; count++) await server.call('GET', '/documents/', { key: apiKey });
  for (let count = 0; count < 3; count++) await server.call('GET', '/documents/nothing', { key: apiKey });
  await server.services.usage.flush();
  await server.services.apiKeys.flushLastUses();
  const { id } = await server.services.database.query.selectFrom('accounts').select('id').executeTakeFirstOrThrow();
  const bearer = (await server.services.usage.list(id, 30)).at(-1)?.bearer.success ?? 0;
  assert.ok(bearer > 0);
  const said = `${10 + bearer} requests: 7 with the key, ${bearer} with Bearer tokens, 3 refused.`;

  await page.reload();
  await page.getByText('Your key is in use').waitFor();
  await page.getByText(/Last used .* from 127\.0\.0\.1\./).waitFor();
  await page.getByText(said, { exact: true }).waitFor();
  assert.equal(await page.getByRole('img', { name: 'Bar chart' }).getAttribute('aria-label'), `Bar chart. ${said}`);
  const day = page.getByRole('slider', { name: 'Day' });
  assert.ok((await day.getAttribute('aria-valuetext'))?.endsWith(said));
  await day.press('ArrowLeft');
  assert.match((await day.getAttribute('aria-valuetext')) ?? '', /: No requests\.$/);
  await page.getByText(/: No requests\.$/).waitFor();
  await day.hover({ position: { x: ((await day.boundingBox())?.width ?? 0) - 3, y: 20 } });
  await page.getByText(`: ${said}`).waitFor();
  await assertAccessible(page);

  await page.getByRole('button', { name: 'Show as table' }).click();
  const cells = page.getByRole('table').getByRole('row').nth(1).getByRole('cell');
  assert.deepEqual(await cells.allTextContents(), ['7', String(bearer), '3', '0', String(10 + bearer)]);
  await assertAccessible(page);

  const session = await server.login({ email, password: goodPassword });
  const key = (await server.call('GET', '/api-keys/', { bearer: session.accessToken })).json.items[0];
  await server.call('POST', `/api-keys/${key.id}/rotate`, { bearer: session.accessToken, json: {} });
  await server.call('GET', '/documents/', { key: apiKey });
  await server.services.apiKeys.flushRetiredKeyAttempts();
  await page.route('**/api/v1/usage/', (route) => route.fulfill({ status: 429, headers: { 'Retry-After': '9' } }));
  await page.reload();
  await page.getByText('Something still uses a key from before the last rotation').waitFor();
  await page.getByText('Too many tries. Try again in 9 seconds.').waitFor();
  await assertAccessible(page);
  await page.unroute('**/api/v1/usage/');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('slider', { name: 'Day' }).waitFor();
});

test('activity tells a sign-in, a rotation with its reason and what was refused, and shows one kind on its own', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  const { email, apiKey } = await signInAsNew(page, server.url);
  const { accessToken } = await server.login({ email, password: goodPassword });
  const key = (await server.call('GET', '/api-keys/', { bearer: accessToken })).json.items[0];
  const change = (json: unknown) => server.call('PATCH', `/api-keys/${key.id}`, { bearer: accessToken, json });
  await change({ allowed_ips: ['203.0.113.0/24'] });
  for (let count = 0; count < 5; count++) await server.call('GET', '/documents/', { key: apiKey });
  await server.services.events.flush();
  for (let count = 1; count <= 20; count++) await change({ name: `Name ${count}` });
  const json = { reason: 'pasted into a chat' };
  await server.call('POST', `/api-keys/${key.id}/rotate`, { bearer: accessToken, json });

  await openPage(page, 'Activity');
  const events = page.getByRole('list', { name: 'Events' }).getByRole('listitem');
  const rotation = events.filter({ hasText: 'You rotated the API key' });
  await rotation.waitFor();
  assert.match((await rotation.textContent()) ?? '', /Reason: pasted into a chat.*From 127\.0\.0\.1.*Done/);
  assert.match((await rotation.locator('time').getAttribute('title')) ?? '', /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/);
  assert.equal(await events.count(), 20);
  await page.getByRole('button', { name: 'Show older' }).click();
  await events.filter({ hasText: 'not on its allowlist, 5 times' }).filter({ hasText: 'Refused' }).waitFor();
  const signedIn = events.filter({ hasText: 'You signed in' });
  assert.equal(await signedIn.count(), 2);
  assert.match((await signedIn.last().textContent()) ?? '', /Chrome on Linux/);
  assert.equal(await page.getByRole('button', { name: 'Show older' }).count(), 0);
  assert.equal(await events.count(), (await kindsOf(server)).length);
  await assertAccessible(page);

  await page.getByLabel('Show').selectOption({ label: 'API key rotated' });
  await events.filter({ hasText: 'You signed in' }).first().waitFor({ state: 'detached' });
  await rotation.waitFor();
  assert.equal(await events.count(), 1);
  await page.getByLabel('Show').selectOption({ label: 'Account disabled' });
  await page.getByText('Nothing of that kind').waitFor();
  await assertAccessible(page);
});

test('a new password ends the other sessions, and what is wrong is said at its field', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  const { email } = await signInAsNew(page, server.url);
  const other = await server.login({ email, password: goodPassword });
  await openPage(page, 'Account');
  const current = page.getByLabel('Current password');
  const next = page.getByLabel('New password');
  const change = page.getByRole('button', { name: 'Change password' });
  await page.getByText('At least 15 characters').waitFor();

  await current.fill('not it');
  await next.fill(betterPassword);
  await change.click();
  await page.getByText('That is not your current password.').waitFor();
  assert.equal(await current.getAttribute('aria-invalid'), 'true');
  await current.fill(goodPassword);
  await next.fill('short');
  await change.click();
  await page.getByText('Must have at least 15 characters').waitFor();
  assert.equal(await next.getAttribute('aria-invalid'), 'true');
  assert.equal(await next.evaluate((field) => field === document.activeElement), true);
  await assertAccessible(page);
  assert.equal((await server.call('GET', '/me', { bearer: other.accessToken })).status, 200);

  await next.fill(betterPassword);
  await change.click();
  await page.getByText('Your password is changed').waitFor();
  assert.deepEqual([await current.inputValue(), await next.inputValue()], ['', '']);
  assert.equal((await server.call('GET', '/me', { bearer: other.accessToken })).status, 401);
  assert.equal(await statusOfLogin(server, email, goodPassword), 401);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await signIn(page, server.url, email, betterPassword);
});

test('another e-mail address wants the password when it is long ago, and says where the link is', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  await signInAsNew(page, server.url);
  await openPage(page, 'Account');
  const address = page.getByLabel('New e-mail');
  const change = page.getByRole('button', { name: 'Change e-mail' });
  await address.fill('person@example.com');
  await change.click();
  await page.getByText('Is the address that the account has already.').waitFor();

  await ageProofs(server);
  await address.fill('new@example.com');
  await change.click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  assert.equal(await page.getByRole('alert').count(), 0);
  assert.ok(!(await kindsOf(server)).includes('email_change_requested'));
  await change.click();
  await enterPassword(page);
  await page.getByText('A link for new@example.com is in the server’s outbox').waitFor();
  await assertAccessible(page);
  assert.ok((await kindsOf(server)).includes('email_change_requested'));

  await page.route('**/api/v1/auth/config', (route) =>
    route.fulfill({ json: { signup: 'open', mail: true, password_min_length: 15 } }),
  );
  await page.reload();
  await address.fill('new@example.com');
  await change.click();
  await page.getByText('A link was mailed to new@example.com').waitFor();
  await page.getByText('Your account keeps person@example.com until').waitFor();
});

test('the export is a zip file, and deleting deletes once the e-mail is typed and the password proved', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  const { email, apiKey } = await signInAsNew(page, server.url);
  await openPage(page, 'Account');
  await ageProofs(server);
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download my data' }).click();
  await enterPassword(page);
  const download = await downloading;
  assert.match(download.suggestedFilename(), /^inksong-export-\d{4}-\d\d-\d\d\.zip$/);
  const archive = readFileSync(await download.path());
  assert.equal(archive.subarray(0, 4).toString('latin1'), 'PK\x03\x04');
  assert.ok(archive.includes('account.json') && archive.includes('events.json'));
  assert.ok((await kindsOf(server)).includes('data_exported'));

  await ageProofs(server);
  await page.getByRole('button', { name: 'Delete account' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete this account for good?' });
  const typed = dialog.getByLabel('The account’s e-mail, to confirm');
  await typed.fill('someone@example.com');
  await dialog.getByRole('button', { name: 'Delete for good' }).click();
  await dialog.getByText('That is not the e-mail of this account.').waitFor();
  await assertAccessible(page);
  assert.equal((await server.call('GET', '/me', { key: apiKey })).status, 200);

  await typed.fill(email);
  await dialog.getByRole('button', { name: 'Delete for good' }).click();
  await enterPassword(page);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByText(`The account ${email} is deleted.`).first().waitFor();
  assert.equal(page.url(), `${server.url}/sign-in`);
  assert.equal((await server.call('GET', '/me', { key: apiKey })).status, 401);
  assert.equal(await statusOfLogin(server, email, goodPassword), 401);
});
