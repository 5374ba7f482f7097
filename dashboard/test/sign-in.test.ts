import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { bootServer, goodPassword, type TestServer } from '../../server/test/boot.ts';
import { openMailbox, receive, registerInvited } from '../../server/test/mailbox.ts';
import { assertAccessible, assertNothingKept, openTab } from './open-dashboard.ts';

const otherPassword = 'seven quiet herons crossing water';

/** Fills a form's fields by their labels and presses its button. */
async function send(page: Page, fields: Record<string, string>, button: string): Promise<void> {
  for (const [label, value] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(value);
  await page.getByRole('button', { name: button }).click();
}

/** Copies the key that the page reveals, says that it is stored, and goes on. Returns the key. */
async function storeKey(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Copy key' }).click();
  await page.getByRole('status').filter({ hasText: 'Copied.' }).waitFor();
  const apiKey = await page.evaluate(() => navigator.clipboard.readText());
  await page.getByRole('checkbox', { name: 'I have stored the key' }).check();
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
  return apiKey;
}

async function works(server: TestServer, apiKey: string): Promise<boolean> {
  return (await server.call('GET', '/me', { key: apiKey })).status === 200;
}

async function sceneWithMail(t: TestContext) {
  const mailbox = await openMailbox(t);
  const server = await bootServer(t, mailbox.settings);
  const { page, context } = await openTab(t);
  /** Opens the link of the mail that comes next, on the server's own address; it must leave the address bar at once. */
  const openMailedLink = async (): Promise<string> => {
    const [mail] = await receive(server, mailbox);
    assert.ok(mail);
    const link = new URL(mail.link ?? '');
    await page.goto(server.url + link.pathname + link.search + link.hash);
    await page.waitForFunction(() => location.hash === '');
    await assertNothingKept(page, [mail.token]);
    return mail.token;
  };
  return { server, page, context, openMailedLink };
}

test('signing up shows the key once: it is copied whole, works, and is kept nowhere', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  await page.goto(`${server.url}/sign-in`);
  await page.goto(`${server.url}/sign-up`);
  await send(page, { 'E-mail': 'person@example.com', Password: 'short' }, 'Make the account');
  await page.getByText('15').last().waitFor();
  await page.locator('input[name=password]:focus').waitFor();
  await assertAccessible(page);
  assert.equal(await page.getByLabel('E-mail').inputValue(), 'person@example.com', 'what was typed is still there');
  await send(page, { Password: goodPassword }, 'Make the account');
  await page.getByRole('heading', { name: 'Welcome' }).waitFor();
  await assertAccessible(page);

  // The button waits for the tick, and says why.
  const goOn = page.getByRole('button', { name: 'Go on' });
  assert.equal(await goOn.getAttribute('aria-disabled'), 'true');
  await goOn.click({ force: true });
  await page.getByText('Tick the box').waitFor();
  const apiKey = await storeKey(page);
  assert.match(apiKey, /^ink_[0-9a-f]{48}$/);
  assert.ok(await works(server, apiKey));
  await assertNothingKept(page, [apiKey, goodPassword]);
  assert.equal(await page.getByText(apiKey).count(), 0);
  await page.goBack();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
  assert.equal(await page.getByText(apiKey).count(), 0);

  await page.goto(`${server.url}/sign-up`);
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
  await assertNothingKept(page, [apiKey, goodPassword]);

  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('link', { name: 'Make an account' }).click();
  await page.getByRole('heading', { name: 'Make an account' }).waitFor();
  await send(page, { 'E-mail': 'person@example.com', Password: goodPassword }, 'Make the account');
  await page.getByText('There is an account with this address').waitFor();
  await page.getByRole('link', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
});

test('the key of an account that was made is shown before anything else is answered', async (t) => {
  const server = await bootServer(t);
  const { page, context } = await openTab(t);
  const [first, later] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const answers = [first.promise, later.promise];
  await context.route('**/auth/refresh', async (route) => {
    await answers.shift();
    await route.continue();
  });
  const asked = page.waitForRequest('**/auth/refresh');
  await page.goto(`${server.url}/sign-up`);
  await asked;
  // Sent while it is still being asked whether this browser is signed in.
  await send(page, { 'E-mail': 'person@example.com', Password: goodPassword }, 'Make the account');
  first.resolve();
  // While it is being asked whether the cookie was kept.
  await page.getByRole('button', { name: 'Copy key' }).waitFor();
  later.resolve();
  assert.ok(await works(server, await storeKey(page)));
});

test('leaving the page while the key is shown asks first', async (t) => {
  const server = await bootServer(t);
  const { page } = await openTab(t);
  await page.goto(`${server.url}/sign-in`);
  await page.getByRole('link', { name: 'Make an account' }).click();
  await page.getByRole('heading', { name: 'Make an account' }).waitFor();
  await send(page, { 'E-mail': 'person@example.com', Password: goodPassword }, 'Make the account');
  await page.getByRole('heading', { name: 'Welcome' }).waitFor();

  await page.goBack();
  await page.getByRole('dialog', { name: 'Leave without the key?' }).waitFor();
  await assertAccessible(page);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Copy key' }).waitFor();

  const asked = page.waitForEvent('dialog');
  const leaving = page.goto(`${server.url}/docs/`).catch(() => {});
  const dialog = await asked;
  assert.equal(dialog.type(), 'beforeunload');
  await dialog.dismiss();
  await leaving;
  const apiKey = await page.locator('code').first().innerText();
  assert.match(apiKey, /^ink_/);

  await page.goBack();
  await page.getByRole('button', { name: 'Leave' }).click();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
  assert.equal(await page.getByText(apiKey).count(), 0);
  await assertNothingKept(page, [apiKey, goodPassword]);
});

test('signing in says what is wrong without telling which, keeps what was typed, and when to try again', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_AUTH: '3/min' });
  const { page, context } = await openTab(t);
  await server.register('person@example.com');
  await page.goto(`${server.url}/sign-in`);
  await page.locator('input[name=email]:focus').waitFor();
  await send(page, { 'E-mail': 'person@example.com', Password: otherPassword }, 'Sign in');
  await page.getByText('do not belong together').waitFor();
  await assertAccessible(page);
  assert.equal(await page.getByLabel('E-mail').inputValue(), 'person@example.com');

  await context.route('**/auth/login', (route) => route.abort('internetdisconnected'));
  await send(page, { Password: goodPassword }, 'Sign in');
  await page.getByText('The server cannot be reached').waitFor();
  await context.unroute('**/auth/login');
  await context.route('**/auth/login', (route) => route.fulfill({ status: 503, headers: { 'Retry-After': '7' } }));
  await send(page, {}, 'Sign in');
  await page.getByText('The server could not answer. Try again in 7 seconds').waitFor();
  await context.unroute('**/auth/login');
  await send(page, {}, 'Sign in');
  await page
    .getByText('Too many tries')
    .or(page.getByRole('navigation', { name: 'Pages' }))
    .waitFor();
  for (let tries = 0; tries < 3 && (await page.getByText('Too many tries').count()) === 0; tries++) {
    if ((await page.getByRole('navigation', { name: 'Pages' }).count()) > 0) {
      await page.getByRole('button', { name: 'Sign out' }).click();
    }
    await send(page, { 'E-mail': 'person@example.com', Password: otherPassword }, 'Sign in');
    await page.getByRole('alert').waitFor();
  }
  await page.getByText(/Too many tries\. Try again in \d+ seconds/).waitFor();
});

test('a browser that keeps no cookie is told so instead of being signed out on every page', async (t) => {
  const server = await bootServer(t);
  const { page, context } = await openTab(t);
  await server.register('person@example.com');
  // What the server answers to a browser that was set to keep none.
  const refusal = await server.call('POST', '/auth/refresh');
  assert.equal(refusal.status, 401);
  await context.route('**/auth/refresh', (route) =>
    route.fulfill({ status: 401, contentType: 'application/problem+json', body: refusal.bytes }),
  );
  await page.goto(`${server.url}/sign-in`);
  await send(page, { 'E-mail': 'person@example.com', Password: goodPassword }, 'Sign in');
  await page.getByText('did not keep the sign-in cookie').waitFor();
  await assertAccessible(page);
  await page.goto(`${server.url}/sign-up`);
  await send(page, { 'E-mail': 'new@example.com', Password: goodPassword }, 'Make the account');
  await page.getByRole('button', { name: 'Copy key' }).waitFor();
  await page.getByText('did not keep the sign-in cookie').waitFor();
});

test('with mail, the link makes the account with the password chosen there, and nothing of the link stays', async (t) => {
  const { server, page, openMailedLink } = await sceneWithMail(t);
  await page.goto(`${server.url}/sign-up`);
  await send(page, { 'E-mail': 'person@example.com', Password: otherPassword }, 'Make the account');
  await page.getByRole('heading', { name: 'Look into your mail' }).waitFor();
  await assertAccessible(page);

  const token = await openMailedLink();
  await page.getByRole('heading', { name: 'Confirm your account' }).waitFor();
  await assertAccessible(page);
  await send(page, { Password: 'short' }, 'Make the account');
  await page.getByText('15').last().waitFor();
  await send(page, { Password: goodPassword }, 'Make the account');
  const apiKey = await storeKey(page);
  assert.ok(await works(server, apiKey));
  await assertNothingKept(page, [apiKey, token, goodPassword, otherPassword]);
  const byFirst = { email: 'person@example.com', password: otherPassword };
  assert.equal((await server.call('POST', '/auth/login', { json: byFirst })).status, 401);

  await page.goto(`${server.url}/verify-email#token=${token}`);
  await send(page, { Password: goodPassword }, 'Make the account');
  await page.getByText('This link does not work any more').waitFor();
  await assertAccessible(page);
});

test('a forgotten password is set by the mailed link, which signs out everywhere', async (t) => {
  const { server, page, openMailedLink } = await sceneWithMail(t);
  await page.goto(`${server.url}/sign-up`);
  await send(page, { 'E-mail': 'person@example.com', Password: goodPassword }, 'Make the account');
  await page.getByRole('heading', { name: 'Look into your mail' }).waitFor();
  await openMailedLink();
  await send(page, { Password: goodPassword }, 'Make the account');
  await storeKey(page);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('link', { name: 'Forgot your password?' }).click();
  await page.getByRole('heading', { name: 'Forgotten password' }).waitFor();
  await send(page, { 'E-mail': 'person@example.com' }, 'Ask for a link');
  await page.getByText('a link is on its way').waitFor();
  await assertAccessible(page);

  const token = await openMailedLink();
  await send(page, { 'New password': otherPassword }, 'Set the password');
  await page.getByText('You have been signed out everywhere').waitFor();
  await assertAccessible(page);
  await assertNothingKept(page, [token, otherPassword]);
  await page.getByRole('link', { name: 'Sign in' }).click();
  await send(page, { 'E-mail': 'person@example.com', Password: otherPassword }, 'Sign in');
  await page.getByRole('heading', { name: 'API key', level: 1 }).waitFor();
});

test('where sign-up is closed the form says so, and a one-time link opens it for its address', async (t) => {
  const server = await bootServer(t, { INKSONG_SIGNUP: 'closed' });
  const { page } = await openTab(t);
  await page.goto(`${server.url}/sign-up`);
  await page.getByRole('heading', { name: 'Sign-up is closed' }).waitFor();
  await assertAccessible(page);
  const { token } = await server.services.accounts.invite('guest@example.com');
  // Another page in between: a mere change of the fragment would load nothing.
  await page.goto(`${server.url}/sign-in`);
  await page.goto(`${server.url}/sign-up#invitation=${token}&email=guest%40example.com`);
  await page.getByText('You are invited').waitFor();
  assert.equal(await page.getByLabel('E-mail').inputValue(), 'guest@example.com');
  assert.equal(new URL(page.url()).hash, '');
  await assertAccessible(page);
  await send(page, { Password: goodPassword }, 'Make the account');
  assert.ok(await works(server, await storeKey(page)));
  await assertNothingKept(page, [token]);
});

test('the mail of a sign-up can be asked for again, three times an hour, and for another address', async (t) => {
  const { server, page, openMailedLink } = await sceneWithMail(t);
  const long = `${'long'.repeat(16)}@${'department.'.repeat(8)}example.com`;
  await page.goto(`${server.url}/sign-up`);
  await send(page, { 'E-mail': long, Password: goodPassword }, 'Make the account');
  await page.getByRole('heading', { name: 'Look into your mail' }).waitFor();
  await assertAccessible(page);
  await page.getByRole('button', { name: 'Use another address' }).click();
  await send(page, { 'E-mail': 'person@example.com', Password: goodPassword }, 'Make the account');
  await page.getByText('on its way to person@example.com').waitFor();
  // Asking for the account was the first of the three.
  for (let times = 2; times <= 3; times++) {
    const answered = page.waitForResponse('**/auth/email/verify/resend');
    await page.getByRole('button', { name: 'Send it again' }).click();
    assert.equal((await answered).status(), 202);
  }
  await page.getByRole('status').filter({ hasText: 'Sent again.' }).waitFor();
  await page.getByRole('button', { name: 'Send it again' }).click();
  await page.getByText(/Too many tries\. Try again in \d+ minutes/).waitFor();
  await assertAccessible(page);
  await openMailedLink();
  await page.getByRole('heading', { name: 'Confirm your account' }).waitFor();
});

test('the link to a new address asks for no password, and changes the address once its reader says so', async (t) => {
  const { server, page, openMailedLink } = await sceneWithMail(t);
  const { accessToken } = await registerInvited(server, 'person@example.com');
  const asked = await server.call('POST', '/auth/email', { bearer: accessToken, json: { email: 'new@example.com' } });
  assert.equal(asked.status, 202);
  const token = await openMailedLink();
  await page.getByRole('heading', { name: 'Confirm your new address' }).waitFor();
  await assertAccessible(page);
  assert.equal(await page.locator('input').count(), 0);
  const address = async () => (await server.call('GET', '/me', { bearer: accessToken })).json.email;
  assert.equal(await address(), 'person@example.com', 'opening the link alone changes nothing');
  await page.getByRole('button', { name: 'Confirm the address' }).click();
  await page.getByRole('heading', { name: 'Your address has changed' }).waitFor();
  await assertAccessible(page);
  assert.equal(await address(), 'new@example.com');
  await assertNothingKept(page, [token]);
});

test('a link pasted over the address of an open page is taken up, and leaves the address bar too', async (t) => {
  const server = await bootServer(t, { INKSONG_SIGNUP: 'closed' });
  const { page } = await openTab(t);
  const paste = async (address: string): Promise<void> => {
    await page.evaluate((to) => location.assign(to), address);
    await page.waitForFunction(() => location.hash === '');
  };
  await page.goto(`${server.url}/sign-up`);
  await page.getByRole('heading', { name: 'Sign-up is closed' }).waitFor();
  for (const email of ['first@example.com', 'second@example.com']) {
    const { token } = await server.services.accounts.invite(email);
    await paste(`/sign-up#invitation=${token}&email=${encodeURIComponent(email)}`);
    await page.getByText('You are invited').waitFor();
    assert.equal(await page.getByLabel('E-mail').inputValue(), email);
    await assertNothingKept(page, [token]);
  }
  await send(page, { Password: goodPassword }, 'Make the account');
  assert.ok(await works(server, await storeKey(page)));

  await page.goto(`${server.url}/reset-password`);
  await page.getByText('This link does not work any more').waitFor();
  await paste('/reset-password#token=another');
  await page.getByLabel('New password').waitFor();
  await page.goto(`${server.url}/verify-email`);
  await page.getByText('This link does not work any more').waitFor();
  await paste('/verify-email#token=another');
  await page.getByLabel('Password', { exact: true }).waitFor();
  await assertNothingKept(page, ['another']);
});
