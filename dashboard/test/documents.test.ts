import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { bootServer, type TestServer, temporaryDirectory } from '../../server/test/boot.ts';
import { runSample } from '../../server/test/samples.ts';
import { assertAccessible, openTab, signInAsNew } from './open-dashboard.ts';

interface Documents {
  server: TestServer;
  page: Page;
  context: BrowserContext;
  apiKey: string;
  /** Of the newest 100, as the API tells them. */
  titles: () => Promise<string[]>;
}

async function openDocuments(t: TestContext, environment: Record<string, string> = {}): Promise<Documents> {
  const server = await bootServer(t, environment);
  const { page, context } = await openTab(t);
  const { apiKey } = await signInAsNew(page, server.url);
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Documents' }).click();
  await page.getByText('No documents yet').waitFor();
  const titles = async (): Promise<string[]> => {
    const { items } = (await server.call('GET', '/documents/?limit=100', { key: apiKey })).json;
    return items.map(({ title }: { title: string }) => title);
  };
  return { server, page, context, apiKey, titles };
}

async function create({ server, apiKey }: Documents, title: string, content = 'x'): Promise<string> {
  return (await server.call('POST', '/documents/', { key: apiKey, json: { title, content } })).json.id;
}

function file(name: string, buffer: Buffer, mimeType = 'application/octet-stream') {
  return { name, buffer, mimeType };
}

/** By the button, as a person does. */
async function choose(page: Page, button: string, files: ReturnType<typeof file>[]): Promise<void> {
  const [chooser] = await Promise.all([
    page.waitForEvent('filechooser'),
    page.getByRole('button', { name: button }).click(),
  ]);
  await chooser.setFiles(files);
}

async function openAction(page: Page, title: string, action: string): Promise<void> {
  await page.getByRole('button', { name: `Actions for ${title}`, exact: true }).click();
  await page.getByRole('menuitem', { name: action }).click();
}

async function slowUploads({ context, page }: Documents, bytesPerSecond: number): Promise<() => Promise<void>> {
  const devTools = await context.newCDPSession(page);
  const limit = (uploadThroughput: number) =>
    devTools.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput,
    });
  await limit(bytesPerSecond);
  return async () => {
    await limit(-1);
    await devTools.detach();
  };
}

/** Has every value of a progress bar, and every text of the live region, from now on. */
function recordProgress(page: Page): Promise<unknown> {
  return page.evaluate(() => {
    const seen = new Set<string>();
    const said = new Set<string>();
    Object.assign(globalThis, { seen, said });
    new MutationObserver(() => {
      for (const bar of document.querySelectorAll('[role="progressbar"]')) {
        seen.add(`${bar.getAttribute('aria-label')} ${bar.getAttribute('aria-valuenow')}`);
      }
      for (const each of document.querySelectorAll('[role="log"] p')) said.add(each.textContent);
    }).observe(document.body, { subtree: true, childList: true, attributes: true });
  });
}

function recorded(page: Page, name: 'seen' | 'said'): Promise<string[]> {
  return page.evaluate((each) => [...((globalThis as unknown as Record<string, Set<string>>)[each] ?? [])], name);
}

test('the command in place of an empty list stores a document as it stands, and the list shows it by itself', async (t) => {
  const { page, apiKey, titles } = await openDocuments(t);
  await page.getByRole('region', { name: 'Upload with curl' }).waitFor();
  await page.getByRole('main').getByRole('button', { name: 'Copy' }).click();
  await page.getByText('Copied.').waitFor();
  const command = (await page.evaluate(() => navigator.clipboard.readText())).replace('ink_YOUR_KEY_HERE', apiKey);
  const { stdout, stderr } = await runSample('sh', ['-c', command], { apiKey, folder: temporaryDirectory(t) });
  assert.equal(JSON.parse(stdout).filename, 'hello.txt', stderr);
  // With its menu, the last thing that comes: a page that is closed before would tell of a script it could not get.
  await page.getByRole('row').getByRole('button', { name: 'Actions for hello.txt' }).waitFor();
  assert.deepEqual(await titles(), ['hello.txt']);
});

test('a word typed without a pause is asked for once, and an answer that comes late is not shown', async (t) => {
  const documents = await openDocuments(t);
  const { page } = documents;
  for (const title of ['Harbour', 'Harbour lights', 'Harbour lights at night']) await create(documents, title);
  await page.clock.install();
  await page.reload();
  await page.getByText('3 documents in all').waitFor();
  const asked: (string | null)[] = [];
  const release = Promise.withResolvers<void>();
  await page.route('**/api/v1/documents/?*', async (route) => {
    const q = new URL(route.request().url()).searchParams.get('q');
    asked.push(q);
    if (q === 'Harbour lights') await release.promise;
    await route.continue();
  });
  const search = page.getByLabel('Search by title');
  await search.focus();
  await page.clock.pauseAt(new Date(Date.now() + 60_000));
  const isFor = (q: string) => (message: { url(): string }) => new URL(message.url()).searchParams.get('q') === q;
  const late = page.waitForResponse(isFor('Harbour lights'));
  const type = async (word: string): Promise<void> => {
    for (const letter of word) {
      await page.keyboard.press(letter);
      await page.clock.runFor(100);
    }
  };
  const lateAsked = page.waitForRequest(isFor('Harbour lights'));
  await type('Harbour lights');
  await page.clock.runFor(250);
  await lateAsked;
  const last = page.waitForResponse(isFor('Harbour lights at night'));
  await type(' at night');
  await page.clock.runFor(250);
  await last;
  await page.clock.resume();
  await page.getByText('1 document found').waitFor();
  assert.deepEqual(asked, ['Harbour lights', 'Harbour lights at night']);

  release.resolve();
  await (await late).finished();
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  assert.equal(await page.getByRole('row').count(), 1 + 1);
  await page.getByRole('button', { name: 'Actions for Harbour lights at night' }).waitFor();
});

test('files are uploaded by choosing and by dropping, with progress, and cancelling stores nothing', async (t) => {
  const documents = await openDocuments(t);
  const { page, titles } = documents;
  await assertAccessible(page);
  const uploads = page.getByRole('list', { name: 'Uploads' }).getByRole('listitem');

  await recordProgress(page);
  const fast = await slowUploads(documents, 400_000);
  await choose(page, 'Choose files', [
    file('first.bin', randomBytes(800_000)),
    file('<b>second.txt', Buffer.from('second'), 'text/plain'),
  ]);
  await page.evaluate(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(['dropped'], 'dropped.md', { type: 'text/markdown' }));
    const zone = document.querySelector('[data-testid="drop-zone"]');
    zone?.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: transfer }));
  });
  await uploads.nth(2).getByText('Uploaded').waitFor();
  await uploads.nth(0).getByText('Uploaded').waitFor();
  assert.deepEqual((await titles()).sort(), ['<b>second.txt', 'dropped.md', 'first.bin']);
  const seen = (await recorded(page, 'seen')).filter((each) => /first\.bin [1-9]/.test(each));
  assert.ok(seen.length > 2, `shown: ${seen}`);
  const said = (await recorded(page, 'said')).filter((each) => each.includes('first.bin'));
  assert.deepEqual(said, ['Uploading first.bin, 0 per cent.', 'first.bin uploaded, 100 per cent.']);
  await page.getByRole('button', { name: 'Actions for <b>second.txt' }).waitFor();
  assert.equal(await page.locator('main b').count(), 0);
  await assertAccessible(page);

  // Slow enough to be stopped: one that is on its way, one that waits; leaving is asked about.
  const big = randomBytes(8_000_000);
  await choose(page, 'Choose files', [file('one.bin', big), file('two.bin', big), file('three.bin', big)]);
  await page.getByText('Waiting for its turn').waitFor();
  await page.getByRole('progressbar', { name: 'Uploading one.bin' }).waitFor();
  await assertAccessible(page);
  await page.getByRole('link', { name: 'Sessions' }).click();
  const leaving = page.getByRole('dialog', { name: 'Stop uploading?' });
  await leaving.getByRole('button', { name: 'Cancel' }).click();
  await leaving.waitFor({ state: 'detached' });
  const [question] = await Promise.all([page.waitForEvent('dialog'), page.close({ runBeforeUnload: true })]);
  assert.equal(question.type(), 'beforeunload');
  await question.dismiss();
  await page.getByRole('button', { name: 'Cancel the upload of three.bin' }).click();
  for (const name of ['one.bin', 'two.bin']) {
    await page.getByRole('button', { name: `Cancel the upload of ${name}` }).click();
  }
  await page.getByText('Cancelled', { exact: true }).nth(2).waitFor();
  await fast();
  // The last of the three, tried again, is stored after whatever the server still had of the others.
  await page.getByRole('button', { name: 'Try again to upload three.bin' }).click();
  await uploads.filter({ hasText: 'three.bin' }).getByText('Uploaded').waitFor();
  assert.deepEqual((await titles()).sort(), ['<b>second.txt', 'dropped.md', 'first.bin', 'three.bin']);
  await page.getByRole('button', { name: 'Clear finished' }).click();
  await uploads.first().waitFor({ state: 'detached' });

  // Leaving ends what is on its way.
  await slowUploads(documents, 400_000);
  await choose(page, 'Choose files', [file('left.bin', big)]);
  await page.getByRole('progressbar', { name: 'Uploading left.bin' }).waitFor();
  await page.getByRole('link', { name: 'Sessions' }).click();
  const aborted = page.waitForEvent('requestfailed');
  await leaving.getByRole('button', { name: 'Leave the page' }).click();
  await aborted;
  await page.getByRole('heading', { name: 'Sessions', level: 1 }).waitFor();
  assert.ok(!(await titles()).includes('left.bin'));
});

test('what cannot be stored says why, and can be tried again', async (t) => {
  const documents = await openDocuments(t, {
    INKSONG_MAX_DOCUMENT_BYTES: '1000000',
    INKSONG_ACCOUNT_QUOTA_BYTES: '1500000',
  });
  const { page, context, titles, server, apiKey } = documents;
  const uploads = page.getByRole('list', { name: 'Uploads' }).getByRole('listitem');
  await choose(page, 'Choose files', [file('large.bin', randomBytes(8_000_000))]);
  await uploads
    .filter({ hasText: 'large.bin' })
    .getByText('The file is too large. A document may have 1 MB (1,000,000 bytes).')
    .waitFor();

  await choose(page, 'Choose files', [file('fits.bin', randomBytes(900_000))]);
  await uploads.filter({ hasText: 'fits.bin' }).getByText('Uploaded').waitFor();
  await choose(page, 'Choose files', [file('full.bin', randomBytes(900_000))]);
  const full = uploads.filter({ hasText: 'full.bin' });
  await full.getByText('Your space is full.').waitFor();
  await assertAccessible(page);
  const [fits] = (await server.call('GET', '/documents/', { key: apiKey })).json.items;
  await server.call('DELETE', `/documents/${fits.id}`, { key: apiKey });
  await full.getByRole('button', { name: 'Try again' }).click();
  await full.getByText('Uploaded').waitFor();

  await context.setOffline(true);
  await choose(page, 'Choose files', [file('offline.txt', Buffer.from('later'))]);
  const offline = uploads.filter({ hasText: 'offline.txt' });
  await offline.getByText('The server cannot be reached.').waitFor();
  await context.setOffline(false);
  await offline.getByRole('button', { name: 'Try again' }).click();
  await offline.getByText('Uploaded').waitFor();
  assert.deepEqual(await titles(), ['offline.txt', 'full.bin']);
});

test('an upload whose answer was lost makes no second document when it is tried again', async (t) => {
  const { page, context, titles } = await openDocuments(t);
  const uploads = page.getByRole('list', { name: 'Uploads' }).getByRole('listitem');
  await context.route('**/api/v1/documents/', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    await route.fetch();
    await route.abort('connectionreset');
  });
  await choose(page, 'Choose files', [file('once.txt', Buffer.from('once'))]);
  await uploads.getByText('The server cannot be reached.').waitFor();
  await context.unroute('**/api/v1/documents/');
  await uploads.getByRole('button', { name: 'Try again' }).click();
  await uploads.getByText('Uploaded').waitFor();
  assert.deepEqual(await titles(), ['once.txt']);
});

test('a document is renamed, replaced unless it has changed, downloaded byte for byte, and deleted', async (t) => {
  const documents = await openDocuments(t);
  const { server, page, apiKey, titles } = documents;
  const bytes = randomBytes(300_000);
  await choose(page, 'Choose files', [file('data.bin', bytes)]);
  const row = page.getByRole('row', { name: 'data.bin' });
  await row.getByText('300 kB').filter({ visible: true }).waitFor();
  assert.equal(await row.getByText('300 kB').filter({ visible: true }).getAttribute('title'), '300,000 bytes');

  const [download] = await Promise.all([page.waitForEvent('download'), openAction(page, 'data.bin', 'Download')]);
  assert.equal(download.suggestedFilename(), 'data.bin');
  assert.ok(readFileSync(await download.path()).equals(bytes));

  await openAction(page, 'data.bin', 'Rename');
  const renaming = page.getByRole('dialog', { name: 'Rename the document' });
  await assertAccessible(page);
  await renaming.getByLabel('Title').fill('x'.repeat(201));
  await renaming.getByRole('button', { name: 'Rename' }).click();
  await renaming.getByText(/200/).waitFor();
  const title = '<img src=x onerror=alert(1)> & “Ünïcode” 100 % _';
  await renaming.getByLabel('Title').fill(title);
  await renaming.getByRole('button', { name: 'Rename' }).click();
  await renaming.waitFor({ state: 'detached' });
  await page.getByText(title, { exact: true }).waitFor();
  assert.equal(await page.locator('main img').count(), 0);
  assert.deepEqual(await titles(), [title]);
  assert.equal(await page.evaluate(() => document.activeElement?.ariaLabel), `Actions for ${title}`);

  const contentPath = `/documents/${(await server.call('GET', '/documents/', { key: apiKey })).json.items[0].id}/content`;
  const stored = async () => (await server.call('GET', contentPath, { key: apiKey })).bytes.toString();
  await openAction(page, title, 'Replace content');
  const replacing = page.getByRole('dialog', { name: 'Replace the content' });
  await choose(page, 'Choose a file', [file('mine.txt', Buffer.from('mine'), 'text/plain')]);
  await assertAccessible(page);
  await server.call('PUT', contentPath, { key: apiKey, body: 'theirs', headers: { 'Content-Type': 'text/plain' } });
  await replacing.getByRole('button', { name: 'Replace', exact: true }).click();
  await replacing.getByText('Somebody has changed the document in the meantime.').waitFor();
  await assertAccessible(page);
  assert.equal(await stored(), 'theirs');
  await replacing.getByRole('button', { name: 'Replace the new version' }).click();
  await replacing.getByText('6 bytes').waitFor();
  await replacing.getByRole('button', { name: 'Replace', exact: true }).click();
  await replacing.waitFor({ state: 'detached' });
  assert.equal(await stored(), 'mine');
  await page.getByRole('row').getByText('4 bytes').filter({ visible: true }).waitFor();

  await openAction(page, title, 'Delete');
  const deleting = page.getByRole('dialog', { name: 'Delete this document?' });
  await assertAccessible(page);
  await deleting.getByRole('button', { name: 'Cancel' }).click();
  await deleting.waitFor({ state: 'detached' });
  assert.deepEqual(await titles(), [title]);
  await openAction(page, title, 'Delete');
  await deleting.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No documents yet').waitFor();
  await deleting.waitFor({ state: 'detached' });
  assert.deepEqual(await titles(), []);
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('role')), 'status');
});

test('a download tells how far it is, can be cancelled, and says when it broke off', async (t) => {
  const documents = await openDocuments(t);
  const { page, context, server } = documents;
  await choose(page, 'Choose files', [file('data.bin', randomBytes(20_000_000))]);
  await page.getByRole('button', { name: 'Actions for data.bin' }).waitFor();
  const devTools = await context.newCDPSession(page);
  const throttled = { offline: false, latency: 0, downloadThroughput: 500_000, uploadThroughput: -1 };
  await devTools.send('Network.emulateNetworkConditions', throttled);
  await openAction(page, 'data.bin', 'Download');
  await page.getByRole('progressbar', { name: 'Downloading data.bin' }).waitFor();
  await assertAccessible(page);
  const stopped = page.waitForEvent('requestfailed');
  await page.getByRole('button', { name: 'Cancel download' }).click();
  await stopped;
  await page.getByRole('progressbar').waitFor({ state: 'detached' });

  await openAction(page, 'data.bin', 'Download');
  await page.getByRole('progressbar', { name: 'Downloading data.bin' }).waitFor();
  server.app.server.closeAllConnections();
  await page.getByRole('alert').getByText('The server cannot be reached.').waitFor();
  await devTools.send('Network.emulateNetworkConditions', { ...throttled, downloadThroughput: -1 });
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Try again' }).click(),
  ]);
  assert.equal(readFileSync(await download.path()).length, 20_000_000);
});

test('a long list comes page by page, newest first, and is searched by title with the address', async (t) => {
  const documents = await openDocuments(t);
  const { page, server } = documents;
  const special = 'a+b & c=d #1 %20 “<i>”';
  await create(documents, special);
  for (let number = 1; number <= 44; number++) await create(documents, `Report ${number}`);
  await page.reload();
  const rows = page.getByRole('row');
  const more = page.getByRole('button', { name: 'Load more' });
  await more.waitFor();
  assert.equal(await rows.count(), 1 + 20);
  assert.match(await rows.nth(1).innerText(), /^Report 44\b/);
  await more.focus();
  await page.keyboard.press('Enter');
  await rows.nth(40).waitFor();
  assert.equal(await more.evaluate((button) => button === document.activeElement), true);
  await page.keyboard.press('Enter');
  await rows.nth(45).waitFor();
  await page.getByText('45 documents in all').waitFor();
  await more.waitFor({ state: 'detached' });
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), '45 documents in all');
  assert.match(await rows.last().innerText(), /^a\+b/);
  await assertAccessible(page);

  const search = page.getByLabel('Search by title');
  // A pause in typing asks for what has been typed so far: only the last answer counts.
  await Promise.all([
    page.waitForResponse((answer) => new URL(answer.url()).searchParams.get('q') === special),
    search.pressSequentially(special),
  ]);
  await page.getByText('1 document found').waitFor();
  assert.equal(await rows.count(), 1 + 1);
  await page.reload();
  await page.getByText('1 document found').waitFor();
  assert.equal(await search.inputValue(), special);

  await page.getByRole('button', { name: 'Clear the search' }).click();
  await rows.nth(20).waitFor();
  assert.equal(await search.evaluate((input) => input === document.activeElement), true);
  assert.equal(page.url(), `${server.url}/documents`);
  await search.fill('nothing like it');
  await page.getByText('Nothing found').waitFor();
  await assertAccessible(page);
  await page.getByRole('button', { name: 'Show all documents' }).click();
  await rows.nth(20).waitFor();
  assert.equal(await search.inputValue(), '');
  await page.goBack();
  await page.getByText('Nothing found').waitFor();
  assert.equal(await search.inputValue(), 'nothing like it');
  // A number is a text, whoever wrote the address.
  await page.goto(`${server.url}/documents?q=44`);
  await page.getByText('1 document found').waitFor();
  assert.equal(await search.inputValue(), '44');
});
