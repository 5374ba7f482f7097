import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import chromium from '@sparticuz/chromium';
import { type BrowserContext, chromium as launcher } from 'playwright-core';

export const chromiumArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** Starts a Chromium of its own with one person's cookies; it is gone when the test ends. */
export async function openChromium(t: Pick<TestContext, 'after'>): Promise<BrowserContext> {
  const browser = await launcher.launch({ executablePath: await unpackChromium(t), args: chromiumArguments });
  t.after(() => browser.close());
  return browser.newContext();
}

/** Unpacks Chromium into a folder of its own, which is gone when the test ends. Returns the program's path. */
export async function unpackChromium(t: Pick<TestContext, 'after'>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'inksong-chromium-'));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  // The package unpacks to a fixed name below the system's folder for such things, where another test may be doing so.
  const before = process.env.TMPDIR;
  process.env.TMPDIR = folder;
  const executablePath = await chromium.executablePath();
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
  return executablePath;
}
