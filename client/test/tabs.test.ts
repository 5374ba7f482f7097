import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { bootServer, goodPassword } from '../../server/test/boot.ts';
import { InksongSession } from '../src/inksong-session.ts';
import { type CookieFetch, createCookieFetch } from './cookie-fetch.ts';

// Node has Web Locks and BroadcastChannel: two sessions on one cookie are two tabs, once this looks like a browser.
// browser.test.ts shows the same in Chromium.

const refresh = '/api/v1/auth/refresh';

interface Tab {
  session: InksongSession;
  network: CookieFetch;
  told: string[];
}

async function openTabs(t: TestContext): Promise<{ url: string; first: Tab; second: Tab }> {
  const server = await bootServer(t);
  pretendBrowser(t);
  const jar = { cookie: null };
  const open = (): Tab => {
    const network = createCookieFetch(jar);
    const session = new InksongSession({ baseUrl: server.url, fetch: network.fetch });
    const told: string[] = [];
    session.subscribe((state) => told.push(state));
    return { session, network, told };
  };
  const [first, second] = [open(), open()];
  await first.session.register({ email: 'person@example.com', password: goodPassword });
  assert.equal(await second.session.restore(), true);
  for (const { told, network } of [first, second]) {
    told.length = 0;
    network.sent.length = 0;
  }
  return { url: server.url, first, second };
}

function pretendBrowser(t: TestContext): void {
  const scope = globalThis as Record<string, unknown>;
  const channels: BroadcastChannel[] = [];
  const { BroadcastChannel: Channel } = globalThis;
  Object.assign(scope, {
    window: {},
    document: {},
    BroadcastChannel: class extends Channel {
      constructor(name: string) {
        super(name);
        channels.push(this);
      }
    },
  });
  t.after(() => {
    for (const channel of channels) channel.close();
    delete scope.window;
    delete scope.document;
    scope.BroadcastChannel = Channel;
  });
}

/** Resolves when the tab next tells `state`. */
function telling({ session }: Tab, state: string): Promise<void> {
  return new Promise((resolve) => {
    const stop = session.subscribe((told) => {
      if (told !== state) return;
      stop();
      resolve();
    });
  });
}

test('tabs refresh one after another, each for itself', async (t) => {
  const { first, second } = await openTabs(t);
  let running = 0;
  let most = 0;
  for (const { session, network } of [first, second]) {
    network.intercept = async (request, path) => {
      if (path !== refresh) return null;
      most = Math.max(most, ++running);
      const { intercept } = network;
      network.intercept = () => null;
      const answer = await network.fetch(request);
      network.intercept = intercept;
      running -= 1;
      return answer;
    };
    assert.ok(session.isSignedIn);
  }
  const restored = await Promise.all([first, second, first, second].map(({ session }) => session.restore()));
  assert.deepEqual(restored, [true, true, true, true]);
  assert.equal(most, 1);
  const tokens = await Promise.all(
    [first, second].map(async ({ session, network }) => {
      await session.me();
      return network.sent.at(-1)?.headers.get('Authorization');
    }),
  );
  assert.equal(new Set(tokens).size, 2);
});

test('a logout in one tab signs the other out, without a secret on the channel', async (t) => {
  const { url, first, second } = await openTabs(t);
  const heard: unknown[] = [];
  const listening = new BroadcastChannel(`inksong:${url}`);
  listening.onmessage = ({ data }) => heard.push(data);
  const toldSecond = telling(second, 'signed-out');
  await first.session.logout();
  await toldSecond;
  assert.deepEqual([first.told, second.told], [['signed-out'], ['signed-out']]);
  await assert.rejects(second.session.me(), { status: 401 });
  assert.equal(second.network.sent.at(-1)?.headers.has('Authorization'), false);
  assert.equal(second.network.count(refresh), 0);
  assert.deepEqual(heard, ['signed-out']);
});

test('when somebody else signs in in another tab, this one signs out rather than act in their name', async (t) => {
  const { first, second } = await openTabs(t);
  const { id } = await second.session.me();
  await first.session.register({ email: 'other@example.com', password: goodPassword });
  await assert.rejects(second.session.documents.create({ title: 'Private', content: 'text' }), { name: 'AbortError' });
  assert.deepEqual(second.told, ['signed-out']);
  assert.deepEqual((await first.session.documents.page()).items, []);
  // Asked to, it takes up the session that is there.
  assert.equal(await second.session.restore(), true);
  assert.notEqual((await second.session.me()).id, id);
});

test('a call that was under way when somebody else signed in is not repeated in their name', async (t) => {
  const { first } = await openTabs(t);
  const { session, network } = first;
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<null>();
  network.intercept = (_request, path) => {
    if (path !== '/api/v1/documents/') return null;
    asked.resolve();
    return answer.promise;
  };
  const creating = session.documents.create({ title: 'Private', content: 'text' });
  await asked.promise;
  await session.register({ email: 'other@example.com', password: goodPassword });
  network.intercept = () => null;
  answer.resolve(null);
  await assert.rejects(creating, { status: 401 });
  assert.deepEqual((await session.documents.page()).items, []);
});

test('sessions on a server have nothing to do with each other', async (t) => {
  const server = await bootServer(t);
  const { BroadcastChannel: Channel } = globalThis;
  const opened: string[] = [];
  globalThis.BroadcastChannel = class extends Channel {
    constructor(name: string) {
      super(name);
      opened.push(name);
      this.close();
    }
  };
  t.after(() => {
    globalThis.BroadcastChannel = Channel;
  });
  const [one, other] = ['one', 'other'].map(
    () => new InksongSession({ baseUrl: server.url, fetch: createCookieFetch().fetch }),
  );
  assert.ok(one && other);
  await one.register({ email: 'one@example.com', password: goodPassword });
  await other.register({ email: 'other@example.com', password: goodPassword });
  await one.logout();
  assert.equal((await other.me()).email, 'other@example.com');
  assert.deepEqual(opened, []);
});
