import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootServer, goodPassword } from '../../server/test/boot.ts';
import { openTab, signInAsNew } from './open-dashboard.ts';

const schemes = ['javascript:', 'JaVaScRiPt:', ' javascript:', 'data:text/html,', 'vbscript:', 'java\tscript:'];
const tags = [
  '<script>',
  '<img src=x onerror=alert(1)>',
  '<svg onload=alert(1)>',
  '<iframe srcdoc="<script>alert(1)</script>">',
  '<a href="javascript:alert(1)">a</a>',
  '<math><mi//xlink:href="data:x,alert(1)">',
  '<style>*{display:none}</style>',
  '<base href="https://example.com/">',
  '<form action="https://example.com/"><button>a',
  '<details open ontoggle=alert(1)>',
  '"><script>alert(1)</script>',
  "' onmouseover='alert(1)",
  '</textarea><script>alert(1)</script>',
  '<!--<img src="--><img src=x onerror=alert(1)//">',
  '{{constructor.constructor("alert(1)")()}}',
  '\u0024{alert(1)}',
  '<img src=`x`onerror=alert(1)>',
  '<body onload=alert(1)>',
  '<object data="javascript:alert(1)">',
  '<embed src="javascript:alert(1)">',
  '<link rel=stylesheet href="https://example.com/a.css">',
  '<meta http-equiv=refresh content="0;url=https://example.com/">',
  '<template><script>alert(1)</script></template>',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
];
const hostile = [...tags, ...schemes.map((scheme) => `${scheme.replace('\t', ' ').trim()}alert(1)`)];

test('thirty hostile titles and names are shown as text: no script runs, no element and no link comes of them', async (t) => {
  assert.equal(hostile.length, 30);
  const server = await bootServer(t);
  const { page } = await openTab(t);
  const dialogs: string[] = [];
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message());
    return dialog.dismiss();
  });
  const { apiKey } = await signInAsNew(page, server.url);
  for (const [index, title] of hostile.entries()) {
    const body = new FormData();
    body.append('file', new Blob(['x']), `${index}-${title.replace(/[\\/]/g, '')}`);
    body.append('title', title);
    assert.equal((await server.call('POST', '/documents/', { key: apiKey, body })).status, 201, title);
  }
  await page.getByRole('navigation').getByRole('link', { name: 'Documents' }).click();
  const main = page.getByRole('main');
  await main
    .getByText(hostile.at(-1) ?? '', { exact: true })
    .first()
    .waitFor();
  await main.getByRole('button', { name: 'Load more' }).click();
  // The oldest comes last.
  await main
    .getByText(hostile[0] ?? '', { exact: true })
    .first()
    .waitFor();
  const shown = await main.locator('th p:first-child').allInnerTexts();
  for (const title of hostile) assert.ok(shown.includes(title), title);
  assert.deepEqual(dialogs, []);
  const made = 'script, iframe, object, embed, base, form[action], link, meta, details, style, img, math, template';
  assert.equal(await main.locator(made).count(), 0);
  const links = await page.locator('a').evaluateAll((all) => all.map((link) => (link as HTMLAnchorElement).href));
  for (const link of links) assert.ok(link.startsWith(`${server.url}/`), link);
});

test('every password field hides what is typed, takes what is pasted, and names itself to password managers', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  await page.goto(`${server.url}/sign-in`);
  await page.evaluate((text) => navigator.clipboard.writeText(text), goodPassword);
  const check = async (fields: Record<string, string>) => {
    for (const [label, autocomplete] of Object.entries(fields)) {
      const field = page.getByLabel(label, { exact: true });
      assert.equal(await field.getAttribute('type'), 'password', label);
      assert.equal(await field.getAttribute('autocomplete'), autocomplete, label);
      await field.focus();
      await page.keyboard.press('Control+V');
      assert.equal(await field.inputValue(), goodPassword, label);
    }
  };
  await check({ Password: 'current-password' });
  await page.goto(`${server.url}/sign-up`);
  await check({ Password: 'new-password' });
  await page.goto(`${server.url}/reset-password#token=x`);
  await check({ 'New password': 'new-password' });
  await signInAsNew(page, server.url);
  await page.goto(`${server.url}/account`);
  await check({ 'Current password': 'current-password', 'New password': 'new-password' });
});

test('signing out is in sight on every page, on a phone too', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  await signInAsNew(page, server.url);
  for (const size of [
    { width: 360, height: 640 },
    { width: 1280, height: 800 },
  ]) {
    await page.setViewportSize(size);
    for (const path of ['/', '/api-key', '/documents', '/sessions', '/activity', '/account']) {
      await page.goto(server.url + path);
      const button = page.getByRole('button', { name: 'Sign out' });
      await button.waitFor();
      const box = await button.boundingBox();
      assert.ok(
        box && box.x >= 0 && box.y >= 0 && box.x + box.width <= size.width && box.y + box.height <= size.height,
      );
      assert.ok(box.width >= 24 && box.height >= 24, path);
    }
  }
});

test('C09 in a browser: a page of another site can neither frame the dashboard nor act with its cookie', async (t) => {
  const server = await bootServer(t);
  const { page, context } = await openTab(t);
  await signInAsNew(page, server.url);
  const html = `<!doctype html><title>Elsewhere</title><iframe src="${server.url}/"></iframe>
    <form method="post" action="${server.url}/api/v1/auth/logout"><button>Win</button></form>`;
  await context.route('http://elsewhere.example/', (route) => route.fulfill({ contentType: 'text/html', body: html }));
  // In a tab of its own, whose console tells of the frame that was refused.
  const other = await context.browser()?.newContext({ storageState: await context.storageState() });
  assert.ok(other);
  await other.route('http://elsewhere.example/', (route) => route.fulfill({ contentType: 'text/html', body: html }));
  const elsewhere = await other.newPage();
  await elsewhere.goto('http://elsewhere.example/');
  const [, frame] = elsewhere.frames();
  assert.equal(await frame?.evaluate(() => document.body.innerText.includes('Inksong')), false);
  const [answer] = await Promise.all([
    elsewhere.waitForResponse('**/auth/logout'),
    elsewhere.getByRole('button', { name: 'Win' }).click(),
  ]);
  assert.ok([403, 415].includes(answer.status()), String(answer.status()));
  await page.reload();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
});
