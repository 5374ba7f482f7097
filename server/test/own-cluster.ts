import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { send } from './boot.ts';
import { type Cluster, startCluster } from './postgres-cluster.ts';
import { runInksong, temporaryFolder } from './run-inksong.ts';
import { administer, urlOf } from './test-database.ts';

/** What PostgreSQL asks for beside an address. */
export const shared = {
  INKSONG_SECRET: 'a secret for tests that is long enough',
  INKSONG_PUBLIC_URL: 'http://localhost:8080',
};

/** A PostgreSQL of one test file's own, for tests that stop it and set it up otherwise; safe, unlike that of the other tests. */
export class OwnCluster {
  #cluster: Cluster | null = null;
  #made = 0;

  constructor() {
    before(async () => {
      this.#cluster = await startCluster({ fsync: 'on', full_page_writes: 'on', wal_level: 'replica' });
    });
    after(() => this.#cluster?.remove());
  }

  get cluster(): Cluster {
    assert.ok(this.#cluster);
    return this.#cluster;
  }

  /** Makes an empty database. Returns what a server needs to stand on it. */
  async emptyDatabase(options = ''): Promise<{ DATABASE_URL: string; name: string }> {
    const name = `own${++this.#made}`;
    await administer(this.cluster.url, `CREATE DATABASE ${name} TEMPLATE template0 ${options}`);
    return { DATABASE_URL: urlOf(this.cluster.url, name), name };
  }

  async migratedDatabase(t: TestContext): Promise<{ environment: { DATABASE_URL: string }; name: string }> {
    const { DATABASE_URL, name } = await this.emptyDatabase();
    const environment = { DATABASE_URL, ...shared };
    const { code, stderr } = await runInksong(t, ['migrate'], {
      environment: { ...environment, INKSONG_DATA_DIR: temporaryFolder(t) },
    });
    assert.equal(code, 0, stderr);
    return { environment, name };
  }

  /** Runs a command that must fail. Returns what it says, without the password. */
  async refusal(t: TestContext, environment: Record<string, string>, words = ['serve']): Promise<string> {
    const settings = { PORT: '0', INKSONG_DATA_DIR: join(temporaryFolder(t), 'data'), ...shared, ...environment };
    const { code, stdout, stderr } = await runInksong(t, words, { environment: settings });
    assert.equal(code, 1, stdout + stderr);
    const { password } = new URL(this.cluster.url);
    assert.ok(!(stdout + stderr).includes(password), 'the password is shown');
    assert.doesNotMatch(stdout + stderr, /^\s+at /m);
    return stderr.trim();
  }
}

/** Long enough for the busiest machine; only what never comes about is waited for so long. */
const patienceMs = 30_000;

/** Waits until a server answers a key with 200. */
export async function untilServed(url: string, key: string): Promise<void> {
  const deadlineMs = performance.now() + patienceMs;
  while ((await send(url, 'GET', { key })).status !== 200) {
    if (performance.now() > deadlineMs) assert.fail('It is never served again.');
    await delay(20);
  }
}
