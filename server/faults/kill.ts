import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { SpawnedServer } from '../test/spawn-server.ts';
import { type Experiment, type Run, within } from './instruments/experiment.ts';
import { type Findings, newFindings, seededRandom } from './instruments/findings.ts';
import { createInstallation, type Installation } from './instruments/installation.ts';
import {
  type Client,
  refreshingClient,
  registeringClient,
  rotatingClient,
  uploadingClient,
} from './instruments/journal-clients.ts';
import { brokenRules, documentsOfOtherBytes } from './instruments/stored-rules.ts';

const longestLifeMs = 1_500;
/** What a restart has to read back at most: the log is emptied after 4 MiB, later when a reader, as here, is in the way. */
const logLimitBytes = 16 * 1024 * 1024;
/** After each kill all that is stored is looked at: with more kills than these, most of the time would go into that. */
const killsAnInstallation = 10;
/** In which a client may repeat an unanswered refresh. */
const graceMs = 10_000;

/** Clients that keep a journal work until their server is killed under them; what comes up again is compared with it. */
export const kill: Experiment<{ kills: number }> = {
  shows: 'what was answered survives kill -9, and what was not is there whole or not at all',
  engines: ['sqlite', 'postgres'],
  small: { kills: 40 },
  // Zero findings in n kills bound the rate only below 3/n.
  full: { kills: 400 },
  planted: {
    what: 'a rotation is answered before it is committed',
    file: 'auth/api-keys/api-keys.ts',
    replace: 'const apiKey = await store.replace(',
    by: 'const apiKey = (await store.list(accountId))[0]; setTimeout((...words) => store.replace(...words), 25,',
  },

  async run(run, { kills }) {
    const random = seededRandom(run.seed);
    const findings = newFindings();
    const seen: Seen = { kills: 0, slowestStartMs: 0, longestLogBytes: 0 };
    while (seen.kills < kills && findings.lost.length + findings.half.length === 0) {
      const killsHere = Math.min(killsAnInstallation, kills - seen.kills);
      await within(run, (part) => killOneInstallation(part, killsHere, random, findings, seen));
    }
    assertAllKindsWereAnswered(findings);

    return {
      counts: {
        kills: seen.kills,
        ...prefixed('answered', findings.acknowledged),
        ...prefixed('cut off', findings.unanswered),
        'slowest start, ms': Math.round(seen.slowestStartMs),
        'longest write-ahead log, bytes': seen.longestLogBytes,
        'acknowledged and lost': findings.lost.length,
        'half states': findings.half.length,
      },
      broken: [
        ...findings.lost,
        ...findings.half,
        ...(seen.longestLogBytes > logLimitBytes ? [`the write-ahead log grew to ${seen.longestLogBytes} bytes`] : []),
      ],
    };
  },
};

interface Seen {
  kills: number;
  slowestStartMs: number;
  longestLogBytes: number;
}

async function killOneInstallation(
  run: Run,
  kills: number,
  random: () => number,
  findings: Findings,
  seen: Seen,
): Promise<void> {
  const clients = [
    registeringClient(findings),
    registeringClient(findings),
    rotatingClient(findings),
    rotatingClient(findings),
    refreshingClient(findings),
    refreshingClient(findings),
    // One is enough: its megabytes would otherwise take the time from the others.
    uploadingClient(findings, seededRandom(run.seed + 1)),
  ];
  const installation = await createInstallation(run);
  let server = await installation.startNode();
  await Promise.all(clients.map((client) => client.prepare(`${server.url}/api/v1`)));

  for (let killed = 0; killed < kills && findings.lost.length + findings.half.length === 0; killed++) {
    await liveUntilKilled(server, clients, random() * longestLifeMs);
    seen.kills += 1;
    seen.longestLogBytes = Math.max(seen.longestLogBytes, logBytes(installation));
    server = await installation.startNode();
    seen.slowestStartMs = Math.max(seen.slowestStartMs, server.readyAfterMs);
    const api = `${server.url}/api/v1`;
    await beginGraceAnew(installation);
    const checkedFrom = performance.now();
    await Promise.all(clients.map((client) => client.check(api, installation)));
    assert.ok(performance.now() - checkedFrom < graceMs, 'too slow to judge whether a refresh can be repeated');
    findings.half.push(...(await brokenRules(installation)));
  }
  for (const client of clients) await client.checkAll(`${server.url}/api/v1`);
  const others = await documentsOfOtherBytes(installation);
  findings.half.push(...others.map((id) => `document ${id} has other bytes than its SHA-256`));
}

function logBytes({ engine, folder }: Installation): number {
  return engine === 'sqlite' ? statSync(join(folder, 'inksong.db-wal')).size : 0;
}

/** Counts the time in which a refresh may be repeated from now on, however long the machine took to start the server. */
function beginGraceAnew({ change, now }: Installation): Promise<void> {
  return change(`UPDATE refresh_tokens SET used_at = ${now} WHERE successor_nonce IS NOT NULL`);
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
function assertAllKindsWereAnswered({ acknowledged, lost, half }: Findings): void {
  if (lost.length + half.length > 0) return;
  for (const kind of ['register', 'rotate', 'refresh', 'upload']) assert.ok((acknowledged[kind] ?? 0) > 0, kind);
}

function prefixed(prefix: string, counts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([kind, n]) => [`${prefix}: ${kind}`, n]));
}
