import { setTimeout as delay } from 'node:timers/promises';
import { startBalancer } from './instruments/balancer.ts';
import type { Experiment } from './instruments/experiment.ts';
import { seededRandom } from './instruments/findings.ts';
import { createInstallation } from './instruments/installation.ts';
import { lostDocuments, startLoad } from './instruments/load.ts';
import { startNodes } from './instruments/nodes.ts';
import { brokenRules } from './instruments/stored-rules.ts';
import { createAsker } from './instruments/timed-request.ts';

const quietMs = 1_000;
/** From the moment a node is ready again; two good checks of the balancer, a second apart. */
const backWithinMs = 5_000;

interface Size extends Record<string, number> {
  nodes: number;
  kills: number;
  requestsPerSecond: number;
}

/** Kills one node after another behind a balancer, under load. */
export const nodeLoss: Experiment<Size> = {
  shows: 'when a node dies, only requests that it was answering fail, and it is used again soon after it is back',
  engines: ['postgres', 'sqlite'],
  needs: ['haproxy'],
  small: { nodes: 3, kills: 2, requestsPerSecond: 30 },
  full: { nodes: 3, kills: 20, requestsPerSecond: 300 },
  planted: {
    what: 'a key is good only on the node that made it',
    file: 'auth/api-keys/api-keys.ts',
    replace: 'const owner = await store.findByHash(hash);',
    by: 'const owner = globalThis.made?.has(hash) ? await store.findByHash(hash) : (globalThis.made ??= new Set([hash]), null);',
  },

  async run(run, { nodes: count, kills, requestsPerSecond }) {
    const random = seededRandom(run.seed);
    const installation = await createInstallation(run);
    const nodes = await startNodes(installation, count);
    const balancer = await startBalancer(run, nodes);
    const asker = createAsker(2_000);
    run.after(() => asker.close());
    const load = await startLoad(asker, () => balancer.url, { perSecond: requestsPerSecond, random });
    const broken: string[] = [];
    let slowestReturnMs = 0;
    let failed = 0;
    let killed = 0;
    for (; killed < kills && broken.length === 0; killed++) {
      await delay(quietMs);
      if (load.refused.length > failed) break;
      const node = nodes[Math.floor(random() * nodes.length)];
      if (!node) break;
      await node.server.kill9();
      const goneNs = process.hrtime.bigint();
      await node.start();
      const readyMs = performance.now();
      await balancer.untilAllUp();
      slowestReturnMs = Math.max(slowestReturnMs, performance.now() - readyMs);
      const failures = load.refused.slice(failed);
      failed = load.refused.length;
      for (const { kind, status, sentNs, bytes } of failures) {
        if (sentNs > goneNs) broken.push(`${kind}, sent after a node was gone, was answered ${status} ${bytes}`);
      }
    }
    await load.stop();
    for (const { kind, status, bytes } of load.refused.slice(failed)) {
      broken.push(`${kind} failed with all nodes up: ${status} ${bytes}`);
    }
    if (slowestReturnMs > backWithinMs) broken.push(`a node was back after ${Math.round(slowestReturnMs)} ms`);
    broken.push(...(await lostDocuments(asker, balancer.url, load)), ...(await brokenRules(installation)));
    return {
      counts: {
        kills: killed,
        ...load.statuses,
        'failed, all in flight on the dead node': failed,
        'slowest return, ms': Math.round(slowestReturnMs),
        'documents kept': load.documents.size,
      },
      broken,
    };
  },
};
