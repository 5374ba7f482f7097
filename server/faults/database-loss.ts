import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { startPgBouncer } from '../test/pgbouncer.ts';
import { administer } from '../test/test-database.ts';
import { openCommitCutter } from './instruments/commit-cutter.ts';
import type { Experiment } from './instruments/experiment.ts';
import { seededRandom } from './instruments/findings.ts';
import { createInstallation, type Installation } from './instruments/installation.ts';
import { lostDocuments, repeatedDocuments, startLoad } from './instruments/load.ts';
import { type Node, startNodes } from './instruments/nodes.ts';
import { brokenRules } from './instruments/stored-rules.ts';
import { createAsker } from './instruments/timed-request.ts';

/** Between two faults. */
const quietMs = 2_000;
const recoveredWithinMs = 3_000;
/** Longest that any request may take while the database is gone. */
const answeredWithinMs = 5_000;

interface Size extends Record<string, number> {
  nodes: number;
  requestsPerSecond: number;
  restarts: number;
  terminations: number;
  /** Commits that happen and whose answer is lost with its connection. */
  cuts: number;
  pauses: number;
  pauseSeconds: number;
  /** 1: through PgBouncer in transaction mode. */
  pgbouncer: number;
}

/** Takes the database away under load, in four ways, and gives it back. */
export const databaseLoss: Experiment<Size> = {
  shows:
    'without its database a node answers 503 in time and never judges a credential; with it again, it goes on by itself',
  engines: ['postgres'],
  // Of few requests, since uploads that a busy machine keeps waiting in line beforehand say nothing of the database's loss.
  small: {
    nodes: 2,
    requestsPerSecond: 40,
    restarts: 3,
    terminations: 1,
    cuts: 10,
    pauses: 1,
    pauseSeconds: 4,
    pgbouncer: 0,
  },
  full: {
    nodes: 3,
    requestsPerSecond: 100,
    restarts: 50,
    terminations: 20,
    cuts: 200,
    pauses: 5,
    pauseSeconds: 30,
    pgbouncer: 0,
  },
  planted: {
    what: 'a transaction is run again when nobody knows whether it has committed',
    file: 'database/database.ts',
    replace: 'if (!engine.isConflict(error)) throw error;',
    by: "if (!engine.isConflict(error) && error?.code !== 'unavailable') throw error;",
  },

  async run(
    run,
    { nodes: nodeCount, requestsPerSecond, restarts, terminations, cuts, pauses, pauseSeconds, pgbouncer },
  ) {
    const random = seededRandom(run.seed);
    const installation = await createInstallation(run);
    const { cluster } = installation;
    assert.ok(cluster);
    const cutter = await openCommitCutter(run, pgbouncer === 1 ? await startPgBouncer(run, cluster) : cluster.port);
    const way = new URL(String(installation.settings.DATABASE_URL));
    way.port = String(cutter.port);
    const nodes = await startNodes(installation, nodeCount, { DATABASE_URL: way.href });
    const asker = createAsker(2_000);
    run.after(() => asker.close());
    const urlOf = () => nodes[Math.floor(random() * nodes.length)]?.url ?? '';
    const load = await startLoad(asker, urlOf, { perSecond: requestsPerSecond, random });
    const pids = nodes.map(({ server }) => server.pid);

    const broken: string[] = [];
    let slowestRecoveryMs = 0;
    const recovered = async (what: string): Promise<void> => {
      const readyMs = performance.now();
      const times = await Promise.all(nodes.map((node) => untilServed(asker, node, load.key)));
      const slowest = Math.max(...times) - readyMs;
      slowestRecoveryMs = Math.max(slowestRecoveryMs, slowest);
      if (slowest > recoveredWithinMs) broken.push(`after ${what} a node needed ${Math.round(slowest)} ms`);
    };
    const faults = [
      ...Array.from({ length: restarts }, () => 'a restart'),
      ...Array.from({ length: terminations }, () => 'the end of all connections'),
      ...(cuts > 0 ? ['lost answers'] : []),
      ...Array.from({ length: pauses }, () => 'a standstill'),
    ];
    for (const fault of faults) {
      await delay(quietMs);
      if (fault === 'a restart') {
        await cluster.stop('immediate');
        await delay(random() * 1_000);
        await cluster.start();
      } else if (fault === 'a standstill') await pause(installation, pauseSeconds * 1_000);
      else if (fault === 'lost answers') await cutter.cut(cuts);
      else {
        const all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'inksong'";
        await administer(cluster.url, all);
      }
      await recovered(fault);
    }
    await delay(quietMs);
    await load.stop();

    for (const { kind, status, bytes, fault } of load.refused) {
      if (status !== 503) broken.push(`${kind}: ${status} ${fault} ${bytes}`);
    }
    for (const [kind, ms] of Object.entries(load.slowestMs)) {
      if (ms > answeredWithinMs) broken.push(`${kind} took ${ms} ms`);
    }
    broken.push(...(await lostDocuments(asker, urlOf(), load)), ...(await repeatedDocuments(installation)));
    broken.push(...(await brokenRules(installation)));
    for (const [index, { server }] of nodes.entries()) {
      if (server.pid !== pids[index] || !isAlive(server.pid)) broken.push(`node ${index} has ended`);
      const fatal = server.outputLines.filter((line) => line.includes('"level":"fatal"'));
      broken.push(...fatal.map((line) => `node ${index}: ${line}`));
    }
    return {
      counts: {
        ...Object.fromEntries(Object.entries({ restarts, terminations, cuts, pauses })),
        ...load.statuses,
        ...Object.fromEntries(Object.entries(load.slowestMs).map(([kind, ms]) => [`slowest ${kind}, ms`, ms])),
        'slowest recovery, ms': Math.round(slowestRecoveryMs),
        'documents kept': load.documents.size,
      },
      broken,
    };
  },
};

/** Returns when a node first answers a key again; gives up after ten seconds. */
async function untilServed(asker: ReturnType<typeof createAsker>, { url }: Node, key: string): Promise<number> {
  const deadlineMs = performance.now() + 10_000;
  while (performance.now() < deadlineMs) {
    if ((await asker.ask(`${url}/api/v1/me`, 'GET', { key })).status === 200) break;
    await delay(20);
  }
  return performance.now();
}

/** Stops every process of the cluster for a while. */
async function pause({ cluster }: Installation, ms: number): Promise<void> {
  assert.ok(cluster);
  const { pid } = cluster;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  const all = [pid, ...children];
  const signal = (name: NodeJS.Signals): void => {
    for (const each of all) {
      try {
        process.kill(each, name);
      } catch {
        // A connection that ended meanwhile took its process with it.
      }
    }
  };
  signal('SIGSTOP');
  await delay(ms);
  signal('SIGCONT');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
