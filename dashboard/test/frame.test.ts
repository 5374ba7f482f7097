import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootServer, send } from '../../server/test/boot.ts';
import { exchange, rawRequest } from '../../server/test/raw-http.ts';
import { assertAccessible, assertNothingKept, openTab, reduceMotion, signInAsNew } from './open-dashboard.ts';

test('signing out ends the session everywhere in this browser, and the back button shows nothing', async (t) => {
  const server = await bootServer(t);
  const { page, context } = await openTab(t);
  await signInAsNew(page, server.url);
  await page.getByRole('link', { name: 'Sessions' }).click();
  await page.getByRole('heading', { name: 'Sessions', level: 1 }).waitFor();
  const other = await context.newPage();
  await other.goto(`${server.url}/account`);
  await other.getByRole('heading', { name: 'Account', level: 1 }).waitFor();

  await page.getByRole('button', { name: 'Sign out' }).click();
  for (const tab of [page, other]) await tab.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.equal(await page.getByRole('navigation', { name: 'Pages' }).count(), 0);
  await page.goto(`${server.url}/api-key`);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await assertNothingKept(page, []);

  // And one lands where one wanted to go.
  await page.getByLabel('E-mail').fill('person@example.com');
  await page.getByLabel('Password', { exact: true }).fill('five unrelated words do well');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'API key', level: 1 }).waitFor();
});

test('nothing of a session is drawn once it has ended, though the sign-in page is not there yet', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  await signInAsNew(page, server.url);
  await page.goto(`${server.url}/sessions`);
  await page.getByText('127.0.0.1').first().waitFor();
  const arrival = Promise.withResolvers<void>();
  const asked = page.waitForRequest('**/assets/sign-in-page-*.js');
  await page.route('**/assets/sign-in-page-*.js', async (route) => {
    await arrival.promise;
    await route.continue();
  });
  await page.getByRole('button', { name: 'Sign out' }).click();
  await asked;
  await page.getByRole('navigation', { name: 'Pages' }).waitFor({ state: 'detached' });
  assert.doesNotMatch(await page.locator('body').innerText(), /Sessions|127\.0\.0\.1/);
  arrival.resolve();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.equal(page.url(), `${server.url}/sign-in`);
});

test('a link that leads elsewhere is not followed after signing in', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  await server.register('person@example.com');
  for (const next of ['https://example.com/', '//example.com/', '/\\example.com', 'javascript:alert(1)']) {
    await page.goto(`${server.url}/sign-in?next=${encodeURIComponent(JSON.stringify(next))}`);
    await page.getByLabel('E-mail').fill('person@example.com');
    await page.getByLabel('Password', { exact: true }).fill('five unrelated words do well');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('navigation', { name: 'Pages' }).waitFor();
    assert.equal(new URL(page.url()).origin, server.url);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  }
});

test('a visitor who comes from another site with a live session is signed in', async (t) => {
  const server = await bootServer(t);
  const { page, context } = await openTab(t);
  await signInAsNew(page, server.url);
  await context.route('http://elsewhere.example/', (route) =>
    route.fulfill({ contentType: 'text/html', body: `<title>Elsewhere</title><a href="${server.url}/">Inksong</a>` }),
  );
  await page.goto('http://elsewhere.example/');
  await page.getByRole('link', { name: 'Inksong' }).click();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
});

test('while the server cannot be reached the page says so, signs nobody out, and goes on by itself', async (t) => {
  const server = await bootServer(t);
  const { page, context } = await openTab(t);
  await signInAsNew(page, server.url);

  await context.route('**/api/v1/auth/refresh', (route) => route.fulfill({ status: 503, body: 'no' }));
  await page.reload();
  await page.getByText('The server cannot be reached').waitFor();
  await assertAccessible(page);
  await context.unroute('**/api/v1/auth/refresh');
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();

  await context.route('**/api/v1/**', (route) => route.abort('internetdisconnected'));
  await page.reload();
  await page.getByText('You are not signed out').waitFor();
  await context.unroute('**/api/v1/**');
  await page.getByRole('button', { name: 'Try now' }).click();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
});

test('every page of the router is a page of the server, and one that is none says so', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  await signInAsNew(page, server.url);
  const links = await page.getByRole('navigation', { name: 'Pages' }).getByRole('link').all();
  const paths = await Promise.all(links.map((link) => link.getAttribute('href')));
  for (const path of [...paths, '/sign-up', '/forgot-password', '/reset-password', '/verify-email']) {
    const answer = await page.goto(server.url + path);
    assert.equal(answer?.status(), 200, String(path));
    await page.getByRole('heading', { level: 1 }).first().waitFor();
    await assertAccessible(page);
  }
  assert.equal((await fetch(`${server.url}/nothing`)).status, 404);
});

test('the theme is remembered and shown without a flash', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  await page.emulateMedia({ colorScheme: 'light' });
  await signInAsNew(page, server.url);
  /** Resolves when the page stands on this colour. */
  const standsOn = (color: string) =>
    page.waitForFunction((wanted) => getComputedStyle(document.body).backgroundColor === wanted, color);
  const [light, dark] = ['rgb(247, 245, 240)', 'rgb(18, 21, 28)'];
  await standsOn(light);
  const button = page.getByRole('button', { name: 'Theme' });
  await button.click();
  await button.click();
  await standsOn(dark);
  // Before any of the dashboard's own script has run.
  await page.route('**/assets/*.js', (route) => route.abort());
  await page.goto(server.url, { waitUntil: 'commit' });
  await page.waitForFunction(() => document.documentElement.dataset.theme === 'dark');
  await page.unroute('**/assets/*.js');
  await page.reload();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
  await standsOn(dark);

  // Whoever asked for less motion sees one theme and then the other, and nothing between.
  await reduceMotion(page);
  const running = await page.evaluate(async () => {
    document.documentElement.dataset.theme = 'light';
    await new Promise(requestAnimationFrame);
    return document.getAnimations().filter((animation) => animation instanceof CSSTransition).length;
  });
  assert.equal(running, 0);
  await standsOn(light);
});

test('two tabs that refresh at the same moment both stay signed in, fifty times', async (t) => {
  const server = await bootServer(t);
  const { page, context } = await openTab(t);
  await signInAsNew(page, server.url);
  const other = await context.newPage();
  await other.goto(server.url);
  for (let round = 0; round < 50; round++) {
    // Each load of the page refreshes.
    await Promise.all([page.reload(), other.reload()]);
    for (const tab of [page, other]) await tab.getByRole('navigation', { name: 'Pages' }).waitFor();
  }
  const events = await server.services.database.query.selectFrom('events').select('kind').execute();
  assert.ok(!events.some(({ kind }) => kind === 'refresh_reuse' || kind === 'session_ended'));
});

test('an address that nothing has says so to people, and in a problem to programs', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  for (const path of ['/acount', '/docs/quickstrat']) {
    const answer = await page.goto(server.url + path);
    assert.equal(answer?.status(), 404, path);
    await page.getByRole('heading', { name: 'No such page' }).waitFor();
    await assertAccessible(page);
    assert.equal((await send(server.url + path, 'GET')).json.code, 'not_found', path);
  }
  await page.getByRole('link', { name: 'Go to the home page' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  // Node's own fetch has a mode of its own.
  const navigation = ['Host: localhost', 'Sec-Fetch-Mode: navigate', 'Accept: text/html', 'Connection: close'];
  for (const [method, path] of [
    ['GET', '/api/v1/acount'],
    ['POST', '/acount'],
  ] as const) {
    const { answers } = await exchange(server.url, rawRequest(method, path, navigation));
    assert.match(answers[0]?.headers.get('content-type') ?? '', /problem\+json/, path);
  }
});
