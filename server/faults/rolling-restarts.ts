import { startBalancer } from './instruments/balancer.ts';
import type { Experiment } from './instruments/experiment.ts';
import { seededRandom } from './instruments/findings.ts';
import { createInstallation } from './instruments/installation.ts';
import { lostDocuments, startLoad } from './instruments/load.ts';
import { startNodes } from './instruments/nodes.ts';
import { brokenRules } from './instruments/stored-rules.ts';
import { createAsker } from './instruments/timed-request.ts';

/** Longer than the balancer's two failed checks take. */
const drainSeconds = 4;
const stoppedWithinMs = 10_000;

interface Size extends Record<string, number> {
  nodes: number;
  restarts: number;
  requestsPerSecond: number;
}

/** Stops and starts one node after another behind a balancer, under load, with uploads under way. */
export const rollingRestarts: Experiment<Size> = {
  shows: 'nodes behind a balancer restart one after another without a single failed request',
  engines: ['postgres', 'sqlite'],
  needs: ['haproxy'],
  small: { nodes: 3, restarts: 5, requestsPerSecond: 30 },
  full: { nodes: 3, restarts: 100, requestsPerSecond: 300 },
  planted: {
    what: 'a signal ends the process at once',
    file: 'stop-reason.ts',
    replace: "resolve({ name: signal, exitCode: 0, mayWait: signal === 'SIGTERM' })",
    by: 'process.exit(0)',
  },

  async run(run, { nodes: count, restarts, requestsPerSecond }) {
    const random = seededRandom(run.seed);
    const installation = await createInstallation(run);
    const nodes = await startNodes(installation, count, { INKSONG_DRAIN_SECONDS: String(drainSeconds) });
    const balancer = await startBalancer(run, nodes);
    const asker = createAsker(2_000);
    run.after(() => asker.close());
    const load = await startLoad(asker, () => balancer.url, { perSecond: requestsPerSecond, random });
    const broken: string[] = [];
    let slowestStopMs = 0;
    let restarted = 0;
    for (; restarted < restarts && load.refused.length === 0; restarted++) {
      const node = nodes[restarted % nodes.length];
      if (!node) break;
      const stoppedMs = performance.now();
      const code = await node.server.stop();
      slowestStopMs = Math.max(slowestStopMs, performance.now() - stoppedMs);
      if (code !== 0) broken.push(`restart ${restarted}: a node ended with ${code}`);
      await node.start();
      await balancer.untilAllUp();
    }
    await load.stop();
    for (const { kind, status, fault, bytes } of load.refused)
      broken.push(`${kind} failed: ${status} ${fault} ${bytes}`);
    if (slowestStopMs > stoppedWithinMs) broken.push(`a stop took ${Math.round(slowestStopMs)} ms`);
    broken.push(...(await lostDocuments(asker, balancer.url, load)), ...(await brokenRules(installation)));
    return {
      counts: {
        restarts: restarted,
        ...load.statuses,
        failed: load.refused.length,
        'slowest stop, ms': Math.round(slowestStopMs),
        'documents kept': load.documents.size,
      },
      broken,
    };
  },
};
