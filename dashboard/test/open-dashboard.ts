import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import type { BrowserContext, Page } from 'playwright-core';
import { openChromium } from '../../client/test/chromium.ts';
import { goodPassword } from '../../server/test/boot.ts';

/**
 * Opens a tab in a Chromium of its own. The test fails when a page of it broke a content security policy, threw, or
 * logged an error that is not the browser's own remark about a refused request.
 */
export async function openTab(t: TestContext): Promise<{ page: Page; context: BrowserContext }> {
  const context = await openChromium(t);
  const faults: string[] = [];
  context.on('page', (page) => watch(page, faults));
  t.after(() => assert.deepEqual(faults, []));
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  return { page: await context.newPage(), context };
}

function watch(page: Page, faults: string[]): void {
  page.on('pageerror', (error) => faults.push(`${page.url()}: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() !== 'error') return;
    // What Chromium itself writes for each 4xx and 5xx, and while it is offline.
    if (/^Failed to load resource: (the server responded with a status of|net::ERR_)/.test(message.text())) return;
    faults.push(`${page.url()}: ${message.text()}`);
  });
}

/** Signs a new account up by API and in by the form; the tab ends on the home page. Returns the account's key. */
export async function signInAsNew(
  page: Page,
  url: string,
  email = 'person@example.com',
): Promise<{ email: string; apiKey: string }> {
  const answer = await fetch(`${url}/api/v1/auth/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email, password: goodPassword }),
  });
  assert.equal(answer.status, 201);
  await signIn(page, url, email);
  return { email, apiKey: ((await answer.json()) as { api_key: string }).api_key };
}

export async function signIn(page: Page, url: string, email: string, password = goodPassword): Promise<void> {
  await page.goto(`${url}/sign-in`);
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
}

/** Resolves when the page knows that less motion is wanted, and what was under way has come to its end. */
export async function reduceMotion(page: Page): Promise<void> {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.waitForFunction(
    () =>
      matchMedia('(prefers-reduced-motion: reduce)').matches &&
      !document.getAnimations().some((animation) => animation instanceof CSSTransition),
  );
}

/** Asserts that axe finds nothing on the page as it stands, in either theme, and that it needs no sideways scrolling at 360 px. */
export async function assertAccessible(page: Page): Promise<void> {
  await reduceMotion(page);
  for (const theme of ['light', 'dark']) {
    await page.evaluate((chosen) => {
      document.documentElement.dataset.theme = chosen;
      return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    }, theme);
    const { violations } = await new AxeBuilder({ page }).analyze();
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
    assert.deepEqual(found, [], `${page.url()} (${theme})`);
  }
  const size = page.viewportSize();
  await page.setViewportSize({ width: 360, height: 740 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `${page.url()} is ${overflow} px too wide for 360 px`);
  if (size) await page.setViewportSize(size);
}

/** Asserts that none of these secrets, nor any key or token at all, is where a script of the page could read it later. */
export async function assertNothingKept(page: Page, secrets: readonly string[]): Promise<void> {
  const kept = await page.evaluate(async () => {
    const databases = await indexedDB.databases();
    const caches = await globalThis.caches.keys();
    return JSON.stringify({
      local: { ...localStorage },
      session: { ...sessionStorage },
      databases,
      caches,
      cookies: document.cookie,
      address: location.href,
      history: history.state,
      title: document.title,
      referrer: document.referrer,
      requests: performance.getEntriesByType('resource').map(({ name }) => name),
    });
  });
  for (const secret of secrets) assert.ok(!kept.includes(secret), `kept: ${kept}`);
  assert.doesNotMatch(kept, /ink_[0-9a-f]{8}|eyJ[\w-]{10}/);
}
