import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { bootServer, goodPassword } from '../../server/test/boot.ts';
import type { Inksong, InksongSession } from '../src/index.ts';
import { openChromium } from './chromium.ts';

const folder = join(import.meta.dirname, '..');

/** What the page below puts in reach of `page.evaluate`. */
declare global {
  var client: { Inksong: typeof Inksong; InksongSession: typeof InksongSession };
  var session: InksongSession;
  var told: string[];
}

const html = `<!doctype html>
<title>Client</title>
<script type="importmap">{ "imports": { "openapi-fetch": "/client/openapi-fetch.js" } }</script>
<script type="module">
  globalThis.client = await import('/client/index.ts');
  globalThis.session = new client.InksongSession();
  globalThis.told = [];
  session.subscribe((state) => told.push(state));
</script>`;

async function openBrowser(t: TestContext): Promise<{ openTab: () => Promise<Page>; context: BrowserContext }> {
  const server = await bootServer(t);
  const context = await openChromium(t);
  await context.route(`${server.url}/page`, (route) => route.fulfill({ contentType: 'text/html', body: html }));
  await context.route(`${server.url}/client/*`, (route) => {
    const name = new URL(route.request().url()).pathname.replace('/client/', '');
    const body =
      name === 'openapi-fetch.js'
        ? readFileSync(join(folder, '../node_modules/openapi-fetch/dist/index.mjs'), 'utf8')
        : stripTypeScriptTypes(readFileSync(join(folder, 'src', name), 'utf8'));
    return route.fulfill({ contentType: 'text/javascript', body });
  });
  const openTab = async (): Promise<Page> => {
    const page = await context.newPage();
    await page.goto(`${server.url}/page`);
    await page.waitForFunction(() => globalThis.told !== undefined);
    return page;
  };
  return { openTab, context };
}

function register(page: Page): Promise<unknown> {
  const details = { email: 'person@example.com', password: goodPassword };
  return page.evaluate((body) => session.register(body), details);
}

test('in Chromium, tabs share a session: each refreshes for itself, and one signs all out', async (t) => {
  const { openTab, context } = await openBrowser(t);
  const first = await openTab();
  assert.equal(await first.evaluate(() => session.restore()), false);
  await register(first);
  const [second, third] = await Promise.all([openTab(), openTab()]);
  const restoring = [first, second, third].map((page) => page.evaluate(() => session.restore()));
  assert.deepEqual(await Promise.all(restoring), [true, true, true]);
  await first.reload();
  await first.waitForFunction(() => globalThis.told !== undefined);
  assert.equal(await first.evaluate(() => session.restore()), true);
  const ids = [first, second, third].map((page) => page.evaluate(async () => (await session.me()).id));
  assert.equal(new Set(await Promise.all(ids)).size, 1);

  await second.evaluate(() => session.logout());
  for (const page of [first, second, third]) {
    await page.waitForFunction(() => told.includes('signed-out'));
    assert.equal(await page.evaluate(() => session.isSignedIn), false);
    assert.equal(await page.evaluate(() => session.restore()), false);
  }
  assert.deepEqual(await context.cookies(), []);
});

test('in Chromium, a refresh waits for the lock that another tab holds', async (t) => {
  const { openTab } = await openBrowser(t);
  const [first, second] = [await openTab(), await openTab()];
  await register(first);
  await second.evaluate(() => {
    const held = navigator.locks.request(
      `inksong:${location.origin}`,
      () =>
        new Promise<void>((resolve) => {
          Object.assign(globalThis, { release: resolve });
        }),
    );
    Object.assign(globalThis, { held });
  });
  let answered = false;
  const restoring = first
    .evaluate(() => session.restore())
    .then((restored) => {
      answered = true;
      return restored;
    });
  await first.waitForFunction(async () => (await navigator.locks.query()).pending?.length === 1);
  assert.equal(answered, false);
  await second.evaluate(() => (globalThis as unknown as { release: () => void }).release());
  assert.equal(await restoring, true);
});

test('in Chromium, nothing that outlives the page holds a token, and scripts see no cookie', async (t) => {
  const { openTab, context } = await openBrowser(t);
  const page = await openTab();
  await register(page);
  const kept = await page.evaluate(async () => ({
    cookie: document.cookie,
    local: { ...localStorage },
    session: { ...sessionStorage },
    databases: await indexedDB.databases(),
    caches: await caches.keys(),
    globals: JSON.stringify(globalThis.session),
  }));
  assert.deepEqual(
    { ...kept, globals: '' },
    { cookie: '', local: {}, session: {}, databases: [], caches: [], globals: '' },
  );
  assert.ok(!kept.globals.includes('eyJ'));
  const [cookie] = await context.cookies();
  assert.deepEqual([cookie?.httpOnly, cookie?.secure, cookie?.sameSite], [true, true, 'Strict']);
});

test('in Chromium, an upload tells how far it is and can be cancelled', async (t) => {
  const { openTab, context } = await openBrowser(t);
  const page = await openTab();
  await register(page);
  // Slow enough for there to be something to tell.
  const devTools = await context.newCDPSession(page);
  await devTools.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: 2_000_000,
  });
  const uploaded = await page.evaluate(async () => {
    const sent: number[] = [];
    const totals = new Set<number>();
    const file = new File([new Uint8Array(1_000_000).fill(7)], 'picture.png', { type: 'image/png' });
    const document = await session.documents.upload({
      file,
      onProgress: ({ sentBytes, totalBytes }) => {
        sent.push(sentBytes);
        totals.add(totalBytes);
      },
    });
    const back = await (await session.documents.download(document.id)).arrayBuffer();
    return { document, sent, totals: [...totals], same: new Uint8Array(back).every((byte) => byte === 7) };
  });
  assert.deepEqual(
    [uploaded.document.filename, uploaded.document.content_type, uploaded.document.size, uploaded.same],
    ['picture.png', 'image/png', 1_000_000, true],
  );
  assert.ok(uploaded.sent.length > 2, `told ${uploaded.sent.length} times`);
  assert.deepEqual(uploaded.totals, [uploaded.sent.at(-1)]);

  const cancelled = await page.evaluate(async (id) => {
    const file = new Blob([new Uint8Array(5_000_000)]);
    const leaving = new AbortController();
    const reason = new Error('The person changed their mind.');
    const onProgress = (): void => leaving.abort(reason);
    const sending = { file, onProgress, signal: leaving.signal };
    const faults = await Promise.all([
      session.documents.upload(sending).catch((error) => error),
      session.documents.replace(id, sending).catch((error) => error),
    ]);
    return { same: faults.every((fault) => fault === reason), items: (await session.documents.page()).items };
  }, uploaded.document.id);
  assert.equal(cancelled.same, true);
  assert.deepEqual(
    cancelled.items.map(({ size }) => size),
    [1_000_000],
  );

  const refused = await page.evaluate(async () => {
    const sending = { file: new Blob(['x']), onProgress: () => {}, ifMatch: '"other"' };
    const fault = await session.documents.replace('doc_nothing', sending).catch((error) => error);
    return [fault.name, fault.status, fault.code, fault.requestId !== null];
  });
  assert.deepEqual(refused, ['InksongError', 404, 'not_found', true]);
});

test('in Chromium, a key is refused in a page and in its workers', async (t) => {
  const { openTab } = await openBrowser(t);
  const page = await openTab();
  const inPage = await page.evaluate(() => {
    try {
      return new client.Inksong({ apiKey: `ink_${'0'.repeat(48)}` }).constructor.name;
    } catch (error) {
      return String(error);
    }
  });
  // Workers know no import maps: there, the check alone is run.
  const inWorkers = await page.evaluate(() => {
    const check = `const { refuseKeyInBrowser } = await import('${location.origin}/client/browser.ts');
      try { refuseKeyInBrowser(); postMessage('made'); } catch (error) { postMessage(String(error)); }`;
    const run = (type: WorkerType, source: string): Promise<string> =>
      new Promise((resolve) => {
        const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })), { type });
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => resolve(`failed: ${message}`);
      });
    return Promise.all([run('classic', `(async () => { ${check} })();`), run('module', check)]);
  });
  for (const said of [inPage, ...inWorkers]) assert.match(said, /^TypeError: An API key does not belong in a browser/);
});
