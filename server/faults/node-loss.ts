import { setTimeout as delay } from 'node:timers/promises';
import { startBalancer } from './instruments/balancer.ts';
import type { Experiment } from './instruments/experiment.ts';
import { seededRandom } from './instruments/findings.ts';
import { createInstallation } from './instruments/installation.ts';
import { lostDocuments, startLoad } from './instruments/load.ts';
import { type Node, startNodes } from './instruments/nodes.ts';
import { brokenRules } from './instruments/stored-rules.ts';
import { createAsker } from './instruments/timed-request.ts';

const quietMs = 1_000;
/** From the moment a node is ready again; two good checks of the balancer, a second apart. */
const backWithinMs = 5_000;
/** Two checks of two seconds each, a second apart, and some for a machine that is busy. */
const downWithinMs = 10_000;
/** A node that stands still does so for some time after it was taken out. */
const stillMs = 3_000;
/** Longest that a request may take while a node stands still of which the balancer knows. */
const answeredWithinMs = 3_000;

interface Size extends Record<string, number> {
  nodes: number;
  kills: number;
  /** Nodes that stand still, as behind a network that is gone, and go on. */
  pauses: number;
  requestsPerSecond: number;
}

/** Kills nodes and lets others stand still behind a balancer, under load. */
export const nodeLoss: Experiment<Size> = {
  shows:
    'when a node dies or stands still, only requests that it was at fail, and it is used again soon after it is back',
  engines: ['postgres', 'sqlite'],
  needs: ['haproxy'],
  small: { nodes: 3, kills: 2, pauses: 1, requestsPerSecond: 30 },
  full: { nodes: 3, kills: 20, pauses: 5, requestsPerSecond: 300 },
  planted: {
    what: 'a key is good only on the node that made it',
    file: 'auth/api-keys/api-keys.ts',
    replace: 'const owner = await store.findByHash(hash);',
    by: 'const owner = globalThis.made?.has(hash) ? await store.findByHash(hash) : (globalThis.made ??= new Set([hash]), null);',
  },

  async run(run, { nodes: count, kills, pauses, requestsPerSecond }) {
    const random = seededRandom(run.seed);
    const installation = await createInstallation(run);
    const nodes = await startNodes(installation, count);
    const balancer = await startBalancer(run, nodes);
    const asker = createAsker(2_000);
    run.after(() => asker.close());
    const load = await startLoad(asker, () => balancer.url, { perSecond: requestsPerSecond, random });
    const broken: string[] = [];
    let slowestReturnMs = 0;
    let slowestDownMs = 0;
    let failed = 0;
    const failedBy = { kill: 0, pause: 0 };
    let mostAtOnce = 0;

    /** Returns the requests that failed since the last time. */
    const newFailures = () => {
      const failures = load.refused.slice(failed);
      failed = load.refused.length;
      return failures;
    };
    const untilBack = async (what: string): Promise<void> => {
      const readyMs = performance.now();
      await balancer.untilAllUp();
      const tookMs = Math.round(performance.now() - readyMs);
      slowestReturnMs = Math.max(slowestReturnMs, tookMs);
      if (tookMs > backWithinMs) broken.push(`${what}: the node was back after ${tookMs} ms`);
    };

    const killOne = async (node: Node, what: string): Promise<void> => {
      const askedNs = process.hrtime.bigint();
      const atIt = await balancer.requestsAt(node);
      await node.server.kill9();
      const goneNs = process.hrtime.bigint();
      await node.start();
      await untilBack(what);
      // What it was at when it was asked, and what may have come to it until it was gone.
      const arriving = load.times.filter(({ sentNs }) => sentNs >= askedNs && sentNs <= goneNs).length;
      const failures = newFailures();
      for (const { kind, status, sentNs, receivedNs, bytes } of failures) {
        if (sentNs <= goneNs && receivedNs >= askedNs) continue;
        broken.push(`${what}: ${kind}, sent before or after a node died, was answered ${status} ${bytes}`);
      }
      if (failures.length > atIt + arriving) {
        broken.push(
          `${what}: ${failures.length} requests failed, and the node was at ${atIt} and got ${arriving} more`,
        );
      }
      failedBy.kill += failures.length;
      mostAtOnce = Math.max(mostAtOnce, failures.length);
    };

    const pauseOne = async (node: Node, what: string): Promise<void> => {
      const pausedMs = performance.now();
      process.kill(node.server.pid, 'SIGSTOP');
      let downNs: bigint;
      let downMs: number;
      try {
        await balancer.untilDown(node);
        downNs = process.hrtime.bigint();
        downMs = performance.now() - pausedMs;
        await delay(stillMs);
      } finally {
        process.kill(node.server.pid, 'SIGCONT');
      }
      const wokenNs = process.hrtime.bigint();
      slowestDownMs = Math.max(slowestDownMs, downMs);
      if (downMs > downWithinMs) broken.push(`${what}: the node was taken out after ${Math.round(downMs)} ms`);
      await untilBack(what);
      // Longer than the uploads take that it goes on with.
      await delay(2 * quietMs);
      // Those that it was at are answered late, or the database has ended their transaction meanwhile.
      const failures = newFailures();
      for (const { kind, status, sentNs, fault, bytes } of failures) {
        if (sentNs > downNs) broken.push(`${what}: ${kind} failed without the node: ${status} ${fault} ${bytes}`);
        else if (status !== 503) broken.push(`${what}: ${kind} was answered ${status} ${fault} ${bytes}`);
      }
      const slow = load.times.filter(({ sentNs, receivedNs }) => {
        return sentNs > downNs && sentNs < wokenNs && receivedNs - sentNs > BigInt(answeredWithinMs) * 1_000_000n;
      });
      if (slow.length > 0) broken.push(`${what}: ${slow.length} requests waited although the node was taken out`);
      failedBy.pause += failures.length;
    };

    const faults = [...Array(kills).fill(killOne), ...Array(pauses).fill(pauseOne)] as (typeof killOne)[];
    let done = 0;
    for (; done < faults.length && broken.length === 0; done++) {
      await delay(quietMs);
      if (load.refused.length > failed) break;
      const node = nodes[Math.floor(random() * nodes.length)];
      if (node) await faults[done]?.(node, `fault ${done}`);
    }
    await load.stop();
    for (const { kind, status, bytes } of newFailures()) {
      broken.push(`${kind} failed with all nodes up: ${status} ${bytes}`);
    }
    broken.push(...(await lostDocuments(asker, balancer.url, load)), ...(await brokenRules(installation)));
    return {
      counts: {
        kills: Math.min(done, kills),
        pauses: Math.max(0, done - kills),
        ...load.statuses,
        'failed, all at a node that was killed': failedBy.kill,
        'of them by one kill at most': mostAtOnce,
        'failed, all at a node that stood still': failedBy.pause,
        'slowest to be taken out, ms': Math.round(slowestDownMs),
        'slowest return, ms': slowestReturnMs,
        'documents kept': load.documents.size,
      },
      broken,
    };
  },
};
