import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, type TestContext, test } from 'node:test';
import {
  type Client,
  refreshingClient,
  registeringClient,
  rotatingClient,
  uploadingClient,
} from '../durability-clients.ts';
import { brokenRules } from '../durability-file.ts';
import { type Findings, newFindings, seededRandom } from '../durability-findings.ts';
import { type SpawnedServer, spawnServer } from '../spawn-server.ts';
import { attachStrace } from './strace.ts';

/** More syncs in one operation than any has, to end a test that would go on for ever. */
const mostSyncs = 20;

const folder = mkdtempSync(join(tmpdir(), 'inksong-steps-'));
after(() => rmSync(folder, { recursive: true, force: true }));

// Random kills (../durability.test.ts) find wide gaps; this looks into each gap between two commits, however narrow.
const operations: Record<string, (findings: Findings) => Client> = {
  registration: registeringClient,
  rotation: rotatingClient,
  refresh: refreshingClient,
  upload: (findings) => uploadingClient(findings, seededRandom(1)),
};

for (const [kind, clientFor] of Object.entries(operations)) {
  test(`a crash at any sync of one ${kind} leaves it whole or undone`, async (t) => {
    const findings = newFindings();
    const client = clientFor(findings);
    let server = await start(t);
    await client.prepare(`${server.url}/api/v1`);
    const file = new DatabaseSync(join(folder, 'inksong.db'), { readOnly: true });
    t.after(() => file.close());

    let crashes = 0;
    for (;;) {
      assert.ok(crashes < mostSyncs);
      const crashed = await operateUntilSync(t, server, client, crashes + 1);
      await server.kill9();
      server = await start(t);
      await client.check(`${server.url}/api/v1`, file);
      findings.half.push(...brokenRules(file));
      assert.deepEqual({ lost: findings.lost, half: findings.half }, { lost: [], half: [] }, `sync ${crashes + 1}`);
      if (!crashed) break;
      crashes += 1;
    }
    t.diagnostic(`${crashes} crashes`);
    assert.ok(crashes > 0, 'an operation without a sync cannot be durable');
  });
}

/** Does an operation on a server that is killed when it is about to sync for the nth time. Returns whether it was. */
async function operateUntilSync(t: TestContext, server: SpawnedServer, client: Client, nth: number): Promise<boolean> {
  const calls = 'fsync,fdatasync';
  const strace = await attachStrace(t, server.pid, [
    ...['-e', `trace=${calls}`, '-e', `inject=${calls}:signal=SIGKILL:when=${nth}`, '-o', '/dev/null'],
  ]);
  try {
    await client.operate(`${server.url}/api/v1`);
    return false;
  } catch (error) {
    // fetch throws a TypeError for a connection that broke.
    if (error instanceof TypeError) return true;
    throw error;
  } finally {
    await strace.abandon();
  }
}

function start(t: TestContext): Promise<SpawnedServer> {
  // Access tokens are bound to the public URL, which stays the same where the port does not.
  return spawnServer(t, folder, { LOG_LEVEL: 'error', INKSONG_PUBLIC_URL: 'http://localhost' });
}
