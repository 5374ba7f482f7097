import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { openChromium } from '../../client/test/chromium.ts';
import { bootServer } from '../../server/test/boot.ts';
import { Page as GuidePage } from '../../server/test/samples.ts';

/** Serves an empty page on an origin of its own, of the same site as the API: another port of the same host. */
async function otherOrigin(t: TestContext): Promise<string> {
  const server = createServer((_request, response) =>
    response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>A web app</title>'),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Runs a sample as a script of the page. Returns what it printed; rejects as it does. */
function run(page: Page, code: string): Promise<unknown[]> {
  return page.evaluate(async (source) => {
    const printed: unknown[] = [];
    const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;
    await new AsyncFunction('console', source)({ log: (value: unknown) => printed.push(value) });
    return printed;
  }, code);
}

const call = (url: string, path: string) => `
  const answer = await fetch("${url}/api/v1${path}", { method: "POST", credentials: "include" });
  console.log(answer.status);
  if (answer.status === 200) console.log(await answer.json());`;

test('the guide’s JavaScript for Bearer tokens runs in pages of allowed origins, and of no other', async (t) => {
  const [allowed, stranger] = [await otherOrigin(t), await otherOrigin(t)];
  const server = await bootServer(t, { INKSONG_ALLOWED_ORIGINS: allowed });
  const { email, password, apiKey, accessToken } = await server.register();
  await server.call('POST', '/documents/', { key: apiKey, json: { title: 'Minutes', content: 'All present.' } });
  const sample = new GuidePage('docs/authentication.md')
    .take('Bearer tokens', 'js')
    .code.replaceAll('https://api.inksong.app', server.url)
    .replaceAll('http://localhost:8080', server.url)
    .replace('you@example.com', email)
    .replace('"..."', JSON.stringify(password));
  assert.ok(sample.includes(server.url) && sample.includes(email) && sample.includes(password), sample);

  const context = await openChromium(t);
  const page = await context.newPage();
  await page.goto(allowed);
  const [list] = (await run(page, sample)) as [{ items: { title: string }[] }];
  assert.deepEqual(
    list.items.map(({ title }) => title),
    ['Minutes'],
  );
  const [status, refreshed] = (await run(page, call(server.url, '/auth/refresh'))) as [number, { token_type: string }];
  assert.deepEqual([status, refreshed.token_type], [200, 'bearer']);
  assert.equal(await page.evaluate(() => document.cookie), '');
  assert.deepEqual(await run(page, call(server.url, '/auth/logout')), [204]);
  assert.deepEqual(await run(page, call(server.url, '/auth/refresh')), [401]);

  // The cookie is there again, and the stranger's page would send it.
  await run(page, sample);
  const other = await context.newPage();
  await other.goto(stranger);
  for (const code of [sample, call(server.url, '/auth/refresh'), call(server.url, '/auth/logout')]) {
    await assert.rejects(run(other, code), /Failed to fetch/);
  }
  const token = JSON.stringify(`Bearer ${accessToken}`);
  const read = `await fetch("${server.url}/api/v1/me", { headers: { Authorization: ${token} } })`;
  await assert.rejects(run(other, read), /Failed to fetch/);
  assert.deepEqual((await run(page, call(server.url, '/auth/refresh')))[0], 200);
});
