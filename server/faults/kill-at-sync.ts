import assert from 'node:assert/strict';
import type { SpawnedServer } from '../test/spawn-server.ts';
import type { Experiment, Run } from './instruments/experiment.ts';
import { type Findings, newFindings, seededRandom } from './instruments/findings.ts';
import { createInstallation, type Installation } from './instruments/installation.ts';
import {
  type Client,
  refreshingClient,
  registeringClient,
  rotatingClient,
  uploadingClient,
} from './instruments/journal-clients.ts';
import { brokenRules } from './instruments/stored-rules.ts';
import { attachStrace } from './instruments/strace.ts';

/** More syncs in one operation than any has, to end a run that would go on for ever. */
const mostSyncs = 20;

const operations: Record<string, (findings: Findings) => Client> = {
  registration: registeringClient,
  rotation: rotatingClient,
  refresh: refreshingClient,
  upload: (findings) => uploadingClient(findings, seededRandom(1)),
};

/** Random kills (kill.ts) find wide gaps; this looks into each gap between two commits, however narrow. */
export const killAtSync: Experiment<{ rounds: number }> = {
  shows: 'a crash at any sync of a registration, a rotation, a refresh or an upload leaves it whole or undone',
  engines: ['sqlite'],
  needs: ['strace'],
  small: { rounds: 1 },
  full: { rounds: 10 },
  planted: {
    what: 'a rotation is committed before its event',
    file: 'auth/api-keys/api-key-store.ts',
    replace: "await appendEvent(trx, now, {\n          accountId,\n          kind: 'api_key_rotated',",
    by: "await sql`COMMIT`.execute(trx); await sql`BEGIN IMMEDIATE`.execute(trx); await appendEvent(trx, now, { accountId, kind: 'api_key_rotated',",
  },

  async run(run, { rounds }) {
    const findings = newFindings();
    const installation = await createInstallation(run);
    const counts: Record<string, number> = {};
    for (let round = 0; round < rounds && findings.lost.length + findings.half.length === 0; round++) {
      for (const [kind, clientFor] of Object.entries(operations)) {
        const crashes = await crashAtEach(run, installation, clientFor(findings), findings);
        counts[`crashes in a ${kind}`] = (counts[`crashes in a ${kind}`] ?? 0) + crashes;
        // One without a sync cannot be durable.
        if (crashes === 0) findings.lost.push(`a ${kind} without a sync`);
      }
    }
    return { counts, broken: [...findings.lost, ...findings.half] };
  },
};

/** Crashes an operation at its first sync, its second, and so on until it needs no more. Returns the number of crashes. */
async function crashAtEach(
  run: Run,
  installation: Installation,
  client: Client,
  { lost, half }: Findings,
): Promise<number> {
  let server = await installation.startNode();
  await client.prepare(`${server.url}/api/v1`);
  for (let crashes = 0; ; crashes++) {
    assert.ok(crashes < mostSyncs);
    const crashed = await operateUntilSync(run, server, client, crashes + 1);
    await server.kill9();
    server = await installation.startNode();
    await client.check(`${server.url}/api/v1`, installation);
    half.push(...(await brokenRules(installation)));
    if (crashed && lost.length + half.length === 0) continue;
    await server.kill9();
    return crashed ? crashes + 1 : crashes;
  }
}

/** Does an operation on a server that is killed when it is about to sync for the nth time. Returns whether it was. */
async function operateUntilSync(run: Run, server: SpawnedServer, client: Client, nth: number): Promise<boolean> {
  const calls = 'fsync,fdatasync';
  const strace = await attachStrace(run, server.pid, [
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
