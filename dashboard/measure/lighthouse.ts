// How Lighthouse rates the sign-in page and, signed in, the home page, as on a phone and on a desktop.
// Wanted: performance, accessibility and best practices of 95 or more each.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { chromiumArguments, unpackChromium } from '../../client/test/chromium.ts';
import { onServer } from '../../server/measure/instruments/measured-server.ts';
import { freePort } from '../../server/src/free-port.ts';
import { goodPassword } from '../../server/test/boot.ts';
import { signIn } from '../test/open-dashboard.ts';

interface Result {
  lhr: { categories: Record<string, { score: number | null }>; audits: Record<string, { displayValue?: string }> };
}
type Lighthouse = (url: string, flags: object, config: object) => Promise<Result>;

const folder = join(import.meta.dirname, 'lighthouse');
const wanted = ['performance', 'accessibility', 'best-practices'];
/** The same phone and line as Lighthouse uses by itself; the desktop is its own preset. */
const devices = {
  phone: {},
  desktop: {
    formFactor: 'desktop',
    screenEmulation: { mobile: false, width: 1350, height: 940, deviceScaleFactor: 1, disabled: false },
    throttling: { rttMs: 40, throughputKbps: 10_240, cpuSlowdownMultiplier: 1 },
  },
};

if (!existsSync(join(folder, 'node_modules/lighthouse'))) {
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' });
  if (status !== 0) throw new Error('Lighthouse could not be installed.');
}
const { default: lighthouse }: { default: Lighthouse } = await import(
  createRequire(join(folder, 'package.json')).resolve('lighthouse')
);

const ends: (() => unknown)[] = [];
const later = { after: (end: unknown) => void ends.unshift(end as () => unknown) };
try {
  await onServer(async ({ url, email }) => {
    const profile = mkdtempSync(join(tmpdir(), 'inksong-profile-'));
    later.after(() => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }));
    const port = await freePort('127.0.0.1');
    const browser = await chromium.launchPersistentContext(profile, {
      executablePath: await unpackChromium(later),
      args: [...chromiumArguments, `--remote-debugging-port=${port}`],
    });
    later.after(() => browser.close());
    const rows = [];
    for (const page of ['/sign-in', '/']) {
      if (page === '/') await signIn(await browser.newPage(), url, email, goodPassword);
      for (const [device, settings] of Object.entries(devices)) {
        const flags = { port, onlyCategories: wanted, disableStorageReset: true, logLevel: 'error', ...settings };
        const { lhr } = await lighthouse(url + page, flags, { extends: 'lighthouse:default' });
        const score = (name: string) => Math.round((lhr.categories[name]?.score ?? 0) * 100);
        rows.push({
          page,
          device,
          ...Object.fromEntries(wanted.map((name) => [name, score(name)])),
          'first paint': lhr.audits['first-contentful-paint']?.displayValue,
          'largest paint': lhr.audits['largest-contentful-paint']?.displayValue,
          'layout shift': lhr.audits['cumulative-layout-shift']?.displayValue,
          'as wanted': wanted.every((name) => score(name) >= 95) ? 'yes' : 'no',
        });
      }
    }
    console.table(rows);
  });
} finally {
  for (const end of ends) await end();
}
