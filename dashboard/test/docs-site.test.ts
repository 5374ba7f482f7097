import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootServer } from '../../server/test/boot.ts';
import { assertAccessible, openTab } from './open-dashboard.ts';

test('every page of the guide is accessible in both themes, fits 360 px and asks nobody else', async (t) => {
  const server = await bootServer(t);
  const { page, context } = await openTab(t);
  const strangers: string[] = [];
  context.on('request', (request) => {
    if (new URL(request.url()).origin !== server.url) strangers.push(request.url());
  });
  await page.goto(`${server.url}/docs/`);
  const paths = await page
    .getByRole('navigation', { name: 'Guide' })
    .getByRole('link')
    .evaluateAll((links) => links.map((link) => link.getAttribute('href')));
  assert.ok(paths.length > 10);
  for (const path of ['/docs/', ...paths]) {
    await page.goto(server.url + path);
    await assertAccessible(page);
    // Wide pages: nothing sticks out at 1,600 px either.
    await page.setViewportSize({ width: 1600, height: 900 });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, String(path));
  }
  assert.deepEqual(strangers, []);
});

test('a sample is copied whole, with the server’s own address, and the copying is announced', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  await page.goto(`${server.url}/docs/quickstart`);
  const sample = page.locator('.sample').nth(3);
  await sample.scrollIntoViewIfNeeded();
  const box = await sample.boundingBox();
  await sample.getByRole('button', { name: 'Copy' }).click();
  await page.getByRole('status').getByText('Copied.').waitFor();
  assert.deepEqual(await sample.boundingBox(), box);
  assert.equal(
    await page.evaluate(() => navigator.clipboard.readText()),
    `curl ${server.config.publicUrl}/api/v1/documents/ \\
  -H "X-API-Key: $INKSONG_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"title":"First","content":"Hello, Inksong."}'`,
  );
});

test('the guide shares its theme with the dashboard, and can be read with the keyboard alone', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.goto(`${server.url}/docs/errors`);
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await ground();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'content');
  const button = page.getByRole('button', { name: 'Theme' });
  await button.click();
  await button.click();
  const dark = await ground();
  assert.notEqual(dark, light);
  assert.equal(await page.evaluate(() => localStorage.getItem('theme')), 'dark');
  await page.goto(`${server.url}/sign-in`);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), dark);
});

test('without scripts the guide is whole: its pages are listed, and no button does nothing', async (t) => {
  const server = await bootServer(t);
  const { page, context } = await openTab(t);
  await context.route('**/docs/assets/*.js', (route) => route.abort());
  await page.goto(`${server.url}/docs/authentication`);
  await page.getByRole('navigation', { name: 'Guide' }).getByRole('link', { name: 'Errors' }).click();
  await page.getByRole('heading', { name: 'Errors', level: 1 }).waitFor();
  assert.equal(await page.getByRole('button').count(), 0);
});
