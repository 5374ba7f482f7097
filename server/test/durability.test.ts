import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Client,
  refreshingClient,
  registeringClient,
  rotatingClient,
  uploadingClient,
} from './durability-clients.ts';
import { brokenRules, documentsOfOtherBytes } from './durability-file.ts';
import { type Findings, newFindings, seededRandom } from './durability-findings.ts';
import { type SpawnedServer, spawnServer } from './spawn-server.ts';

/** Zero findings in n kills bound the rate only below 3/n, so a nightly run asks for more. */
const kills = Number(process.env.INKSONG_TEST_KILLS ?? 40);
const seed = Number(process.env.INKSONG_TEST_SEED ?? randomInt(2 ** 31));
const longestLifeMs = 1_500;
/** What a restart has to read back at most: the log is emptied after 4 MiB, later when a reader is in the way. */
const logLimitBytes = 8 * 1024 * 1024;
/** In which a client may repeat an unanswered refresh. */
const graceMs = 10_000;

const dataDirectory = mkdtempSync(join(tmpdir(), 'inksong-durability-'));
// Not `t.after`: those run in the order they were registered in, and the server must be gone by now.
after(() => rmSync(dataDirectory, { recursive: true, force: true }));

test('what was answered survives kill -9, and what was not is there whole or not at all', async (t) => {
  assert.ok(kills >= 1, 'INKSONG_TEST_KILLS must be a number');
  const random = seededRandom(seed);
  const findings = newFindings();
  const clients = [
    registeringClient(findings),
    registeringClient(findings),
    rotatingClient(findings),
    rotatingClient(findings),
    refreshingClient(findings),
    refreshingClient(findings),
    // One is enough: its megabytes would otherwise take the time from the others.
    uploadingClient(findings, seededRandom(seed + 1)),
  ];

  let server = await start(t);
  await Promise.all(clients.map((client) => client.prepare(`${server.url}/api/v1`)));
  const file = new DatabaseSync(join(dataDirectory, 'inksong.db'), { readOnly: true });
  t.after(() => file.close());

  let killed = 0;
  let slowestStartMs = 0;
  let longestLogBytes = 0;
  while (killed < kills && findings.lost.length + findings.half.length === 0) {
    await liveUntilKilled(server, clients, random() * longestLifeMs);
    killed += 1;
    longestLogBytes = Math.max(longestLogBytes, statSync(join(dataDirectory, 'inksong.db-wal')).size);
    server = await start(t);
    slowestStartMs = Math.max(slowestStartMs, server.readyAfterMs);
    const api = `${server.url}/api/v1`;
    beginGraceAnew();
    const checkedFrom = performance.now();
    await Promise.all(clients.map((client) => client.check(api, file)));
    assert.ok(performance.now() - checkedFrom < graceMs, 'too slow to judge whether a refresh can be repeated');
    findings.half.push(...brokenRules(file));
  }
  for (const client of clients) await client.checkAll(`${server.url}/api/v1`);
  findings.half.push(...documentsOfOtherBytes(file).map((id) => `document ${id} has other bytes than its SHA-256`));

  t.diagnostic(
    `seed ${seed}: ${killed} kills, slowest start ${Math.round(slowestStartMs)} ms, longest log ${longestLogBytes} B`,
  );
  t.diagnostic(`answered ${asText(findings.acknowledged)}; cut off ${asText(findings.unanswered)}`);
  t.diagnostic(`lost ${findings.lost.length}, half ${findings.half.length}`);
  assertAllKindsWereAnswered(findings);
  assert.deepEqual(findings.lost, []);
  assert.deepEqual(findings.half, []);
  assert.ok(longestLogBytes <= logLimitBytes);
});

function start(t: TestContext): Promise<SpawnedServer> {
  // Access tokens are bound to the public URL, which stays the same where the port does not.
  return spawnServer(t, dataDirectory, { LOG_LEVEL: 'error', INKSONG_PUBLIC_URL: 'http://localhost' });
}

/** Counts the time in which a refresh may be repeated from now on, however long the machine took to start the server. */
function beginGraceAnew(): void {
  const file = new DatabaseSync(join(dataDirectory, 'inksong.db'), { timeout: 5_000 });
  file.exec(`UPDATE refresh_tokens SET used_at = CAST(unixepoch('subsec') * 1000 AS INTEGER)
    WHERE successor_nonce IS NOT NULL`);
  file.close();
}

/** Lets every client work until the server is killed under it. */
async function liveUntilKilled(server: SpawnedServer, clients: readonly Client[], afterMs: number): Promise<void> {
  let killed = false;
  const working = clients.map(async (client) => {
    for (;;) {
      try {
        await client.operate(`${server.url}/api/v1`);
      } catch (error) {
        // fetch throws a TypeError for a connection that broke; before the kill that too is a defect.
        if (killed && error instanceof TypeError) return;
        throw error;
      }
    }
  });
  const cutOff = Promise.all(working);
  await Promise.race([delay(afterMs), cutOff]);
  killed = true;
  await server.kill9();
  await cutOff;
}

/** An experiment in which nothing happened proves nothing. */
function assertAllKindsWereAnswered({ acknowledged }: Findings): void {
  for (const kind of ['register', 'rotate', 'refresh', 'upload']) assert.ok((acknowledged[kind] ?? 0) > 0, kind);
}

function asText(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([kind, n]) => `${n} ${kind}`)
    .join(', ');
}
