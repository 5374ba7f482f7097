import { setTimeout as delay } from 'node:timers/promises';
import { runInksong } from '../test/run-inksong.ts';
import type { Experiment } from './instruments/experiment.ts';
import { newFindings, seededRandom } from './instruments/findings.ts';
import { createInstallation, type Installation } from './instruments/installation.ts';
import {
  type Client,
  refreshingClient,
  registeringClient,
  rotatingClient,
  uploadingClient,
} from './instruments/journal-clients.ts';
import { lostDocuments, startLoad } from './instruments/load.ts';
import { type Node, startNodes } from './instruments/nodes.ts';
import { brokenRules } from './instruments/stored-rules.ts';
import { createAsker } from './instruments/timed-request.ts';
import { asVersion, type Version } from './instruments/version.ts';

/** Between a client's operations: each is looked up again at the end. */
const pauseMs = 100;

const upgrades: [from: Version, to: Version][] = [
  ['earlier', 'this'],
  ['this', 'later'],
];

interface Size extends Record<string, number> {
  nodes: number;
  /** In which nodes of two versions serve, or those of the older one on the newer schema; of all upgrades together. */
  seconds: number;
  requestsPerSecond: number;
}

/** Upgrades a database under the nodes of the version before, and then one node after the other, under load. */
export const mixedVersions: Experiment<Size> = {
  shows: 'while the nodes of two versions serve one database, no request fails and no document is lost',
  engines: ['postgres'],
  small: { nodes: 2, seconds: 6, requestsPerSecond: 30 },
  full: { nodes: 3, seconds: 300, requestsPerSecond: 100 },
  planted: {
    what: 'an upgrade renames a column that the version before reads',
    file: 'database/migrate.ts',
    replace: 'return results.filter(',
    by: `if (applied.length > 0 && results.length > 0) await sql\`ALTER TABLE documents RENAME COLUMN title_search TO folded\`.execute(trx);
    return results.filter(`,
  },

  async run(run, { nodes: count, seconds, requestsPerSecond }) {
    const random = seededRandom(run.seed);
    const installation = await createInstallation(run, { INKSONG_ACCOUNT_QUOTA_BYTES: String(64 * 1024 ** 3) });
    const nodes = await startNodes(installation, count, { INKSONG_DRAIN_SECONDS: '1', ...asVersion('earlier') });
    /** Where requests are sent; a balancer would know. */
    let serving = [...nodes];
    const urlOf = () => serving[Math.floor(random() * serving.length)]?.url ?? '';
    const asker = createAsker(2_000);
    run.after(() => asker.close());
    const load = await startLoad(asker, urlOf, { perSecond: requestsPerSecond, random });
    const findings = newFindings();
    const clients = [
      registeringClient(findings),
      rotatingClient(findings),
      refreshingClient(findings),
      uploadingClient(findings, seededRandom(run.seed + 1)),
    ];
    const working = new AbortController();
    await Promise.all(clients.map((client) => client.prepare(`${urlOf()}/api/v1`)));
    const work = Promise.all(clients.map((client) => keepOperating(client, urlOf, working.signal)));
    const isOver = work.then(
      () => {},
      () => working.abort(),
    );

    const broken: string[] = [];
    const steps = upgrades.length * count;
    let slowestUpgradeMs = 0;
    let mixedMs = 0;
    let phase = '';
    const isFine = () => broken.length === 0 && load.refused.length === 0 && !working.signal.aborted;
    /** Lets them all serve for a while. */
    const mix = async (from: Version, to: Version, replaced: number): Promise<void> => {
      phase = `nodes of version “${from}”: ${count - replaced}, of “${to}”: ${replaced}`;
      const startedMs = performance.now();
      await Promise.race([delay((seconds * 1_000) / steps), isOver]);
      mixedMs += performance.now() - startedMs;
    };
    for (const [from, to] of upgrades) {
      const startedMs = performance.now();
      const { code, stderr } = await upgradeTo(to, installation, run);
      slowestUpgradeMs = Math.max(slowestUpgradeMs, performance.now() - startedMs);
      if (code !== 0) broken.push(`inksong migrate of version “${to}” ended with ${code}: ${stderr}`);
      await mix(from, to, 0);
      for (const [replaced, node] of nodes.entries()) {
        if (!isFine()) break;
        serving = nodes.filter((other) => other !== node);
        await replace(node, to, broken);
        serving = [...nodes];
        if (replaced + 1 < count) await mix(from, to, replaced + 1);
      }
      if (!isFine()) break;
    }
    working.abort();
    await load.stop();
    await work.catch((error: Error) => broken.push(`${phase}: ${error.message}`));
    for (const { kind, status, fault, bytes } of load.refused.slice(0, 5)) {
      broken.push(`${phase}: ${kind} was answered ${status} ${fault} ${bytes}`);
    }
    if (broken.length === 0) {
      const { now, change } = installation;
      await change(`UPDATE refresh_tokens SET used_at = ${now} WHERE successor_nonce IS NOT NULL`);
      await Promise.all(clients.map((client) => client.check(`${urlOf()}/api/v1`, installation)));
      for (const client of clients) await client.checkAll(`${urlOf()}/api/v1`);
      broken.push(...findings.lost, ...findings.half);
      broken.push(...(await lostDocuments(asker, urlOf(), load)), ...(await brokenRules(installation)));
    }
    return {
      counts: {
        upgrades: upgrades.length,
        'slowest inksong migrate, ms': Math.round(slowestUpgradeMs),
        'seconds of two versions': Math.round(mixedMs / 1_000),
        ...load.statuses,
        ...Object.fromEntries(Object.entries(findings.acknowledged).map(([kind, n]) => [`journal: ${kind}`, n])),
        failed: load.refused.length,
        ...Object.fromEntries(Object.entries(load.slowestMs).map(([kind, ms]) => [`slowest ${kind}, ms`, ms])),
        'documents kept': load.documents.size,
      },
      broken,
    };
  },
};

function upgradeTo(version: Version, { folder, settings }: Installation, run: Parameters<typeof runInksong>[0]) {
  const environment = { ...settings, INKSONG_DATA_DIR: folder, INKSONG_PUBLIC_URL: 'http://localhost' };
  return runInksong(run, ['migrate'], { environment: { ...environment, ...asVersion(version) } });
}

/** Stops a node and starts it as another version, at the same address. */
async function replace(node: Node, version: Version, broken: string[]): Promise<void> {
  const code = await node.server.stop();
  if (code !== 0) broken.push(`a node ended with ${code}`);
  await node.start(asVersion(version));
}

/** Lets a client work on any node, with pauses, until it is told to end. Rejects when an operation fails. */
async function keepOperating(client: Client, urlOf: () => string, end: AbortSignal): Promise<void> {
  while (!end.aborted) {
    await client.operate(`${urlOf()}/api/v1`);
    await delay(pauseMs);
  }
}
