import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootServer, goodPassword } from '../../server/test/boot.ts';
import { assertAccessible, openTab, signInAsNew } from './open-dashboard.ts';

test('a person sees every session, ends one or all others, and their refresh tokens are worth nothing', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  const { email } = await signInAsNew(page, server.url);
  const signInElsewhere = async (userAgent: string): Promise<string> => {
    const headers = { 'User-Agent': userAgent };
    const answer = await server.call('POST', '/auth/login', { json: { email, password: goodPassword }, headers });
    return answer.refreshToken ?? '';
  };
  const refreshStatus = async (refreshToken: string): Promise<number> =>
    (await server.call('POST', '/auth/refresh', { refreshToken })).status;
  // The account was made by a request of its own, which signed in too.
  await page.goto(`${server.url}/sessions`);
  const rows = page.getByRole('list', { name: 'Sessions' }).getByRole('listitem');
  await rows.nth(1).waitFor();
  await page.getByRole('button', { name: 'End the other one' }).click();
  await page.getByRole('button', { name: 'End all others' }).click();
  await page.getByText('Only this session').waitFor();
  assert.equal(await rows.count(), 1);
  await assertAccessible(page);

  const firefox = await signInElsewhere('Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0');
  const others = [await signInElsewhere('<b>bold</b>'), await signInElsewhere('curl/8.5.0')];
  // A tab that is looked at again asks again.
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange', { bubbles: true })));
  await rows.nth(3).waitFor();
  assert.match(await rows.first().innerText(), /This session/);
  assert.equal(await page.getByText('This session', { exact: true }).count(), 1);
  assert.equal(await rows.first().getByRole('button').count(), 0);
  assert.equal(await page.locator('main b').count(), 0);
  await assertAccessible(page);

  const firefoxRow = rows.filter({ hasText: 'Firefox on Linux' });
  assert.match(await firefoxRow.innerText(), /127\.0\.0\.1\s+Active now/);
  await firefoxRow.getByRole('button', { name: /^End the session of Firefox on Linux/ }).click();
  const dialog = page.getByRole('dialog', { name: /^End (this|all other) session/ });
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await dialog.waitFor({ state: 'detached' });
  assert.equal(await rows.count(), 4);
  await firefoxRow.getByRole('button').click();
  await assertAccessible(page);
  await dialog.getByRole('button', { name: 'End session' }).click();
  await firefoxRow.waitFor({ state: 'detached' });
  await dialog.waitFor({ state: 'detached' });
  assert.equal(await refreshStatus(firefox), 401);
  assert.equal(await refreshStatus(others[0] ?? ''), 200);
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), '3 sessions');

  await page.getByRole('button', { name: 'End all 2 others' }).click();
  await dialog.getByRole('button', { name: 'End all others' }).click();
  await page.getByText('Only this session').waitFor();
  assert.equal(await refreshStatus(others[1] ?? ''), 401);
  await page.reload();
  await page.getByText('Only this session').waitFor();
});
