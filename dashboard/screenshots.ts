// Takes the README's pictures anew: `npm run screenshots`.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openChromium } from '../client/test/chromium.ts';
import { spawnServer } from '../server/test/spawn-server.ts';
import { signInAsNew } from './test/open-dashboard.ts';

const folder = join(import.meta.dirname, '../docs/images');
const ends: (() => unknown)[] = [];
const later = { after: (end: unknown) => void ends.unshift(end as () => unknown) };

try {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'inksong-screenshots-'));
  later.after(() => rmSync(dataDirectory, { recursive: true, force: true }));
  // The addresses that the pictures show are those of documentation (RFC 5737): a proxy on this machine tells them.
  const { url } = await spawnServer(later, dataDirectory, { INKSONG_TRUSTED_PROXIES: '127.0.0.1/32' });
  const use = (key: string, address: string) =>
    fetch(`${url}/api/v1/documents/`, { headers: { 'X-API-Key': key, 'X-Forwarded-For': address } });

  const context = await openChromium(later);
  await context.setExtraHTTPHeaders({ 'X-Forwarded-For': '198.51.100.24' });
  const page = await context.newPage();
  await page.setViewportSize({ width: 1200, height: 800 });
  await page.emulateMedia({ reducedMotion: 'reduce' });
  const { apiKey } = await signInAsNew(page, url, 'ada@example.com');
  for (let request = 0; request < 9; request++) await use(apiKey, '203.0.113.7');

  await page.getByRole('navigation').getByRole('link', { name: 'API key' }).click();
  await page.getByRole('button', { name: 'Rotate the key' }).click();
  await page.getByLabel('Reason').fill('pasted into a chat');
  await page.getByRole('button', { name: 'Rotate now' }).click();
  await page.getByRole('button', { name: 'Copy key' }).waitFor();
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, 'rotation.png') });

  await page.getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Done' }).click();
  for (let request = 0; request < 14; request++) await use(apiKey, '203.0.113.7');
  await page.getByText('Still using the old key: 14 requests').waitFor();
  // Its toast and its focus ring are gone by then.
  await page.getByRole('heading', { level: 1 }).click();
  await page.screenshot({ path: join(folder, 'api-key.png') });
  console.log(`Pictures are in ${folder}`);
} finally {
  for (const end of ends) await end();
}
