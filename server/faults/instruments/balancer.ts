import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../src/free-port.ts';
import { endWithThisProcess } from '../../test/spawn-server.ts';
import type { Run } from './experiment.ts';
import type { Node } from './nodes.ts';

const page = join(import.meta.dirname, '../../../docs/several-nodes.md');

export interface Balancer {
  /** `http://127.0.0.1:PORT` */
  url: string;
  /** Resolves once the balancer sends requests to every node. */
  untilAllUp(): Promise<void>;
  /** Resolves once the balancer sends no more requests to a node. */
  untilDown(node: Node): Promise<void>;
  /** Returns how many requests a node is at, as the balancer has it. */
  requestsAt(node: Node): Promise<number>;
}

/** Starts HAProxy in front of nodes as the guide's page says, but for TLS. It is gone when the run is over. */
export async function startBalancer(run: Run, nodes: readonly Node[]): Promise<Balancer> {
  const folder = mkdtempSync(join(tmpdir(), 'inksong-haproxy-'));
  run.after(() => rmSync(folder, { recursive: true, force: true }));
  const port = await freePort('127.0.0.1');
  const statistics = join(folder, 'statistics');
  const shown = /```haproxy\n([\s\S]*?)```/.exec(readFileSync(page, 'utf8'))?.[1] ?? '';
  const servers = nodes.map((node) => `    server node${node.index} 127.0.0.1:${node.port}`).join('\n');
  const configuration = shown
    .replace(/bind :443 ssl .*/, `bind 127.0.0.1:${port}`)
    .replace(/( {4}server \S+ \S+\n?)+$/, `${servers}\n`);
  if (!configuration.includes(servers) || !configuration.includes(`:${port}`)) {
    throw new Error('The HAProxy configuration of docs/several-nodes.md is not as it was.');
  }
  const path = join(folder, 'haproxy.cfg');
  writeFileSync(path, `global\n    stats socket ${statistics}\n\n${configuration}`);
  const child = spawn('haproxy', ['-db', '-f', path], { stdio: ['ignore', 'ignore', 'pipe'] });
  endWithThisProcess(child);
  let said = '';
  child.stderr.on('data', (piece) => {
    said = `${said}${piece}`.slice(-2_000);
  });
  const exited = once(child, 'exit');
  run.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });

  /** What it says of each node, in the order of its documentation; nothing before it is there. */
  const rows = async (): Promise<string[][]> => {
    const socket = connect(statistics);
    socket.end('show stat\n');
    const lines = String(await buffer(socket).catch(() => '')).split('\n');
    return lines.filter((line) => /^inksong,node\d+,/.test(line)).map((line) => line.split(','));
  };
  const rowOf = async ({ index }: Node) => (await rows()).find((row) => row[1] === `node${index}`) ?? [];
  const until = async (isSo: () => Promise<boolean>): Promise<void> => {
    for (const deadlineMs = performance.now() + 30_000; !(await isSo()); await delay(50)) {
      if (child.exitCode !== null || performance.now() > deadlineMs) throw new Error(`HAProxy: ${said}`);
    }
  };
  const balancer: Balancer = {
    url: `http://127.0.0.1:${port}`,
    untilAllUp: () => until(async () => (await rows()).filter((row) => row[17] === 'UP').length === nodes.length),
    untilDown: (node) => until(async () => (await rowOf(node))[17] === 'DOWN'),
    requestsAt: async (node) => Number((await rowOf(node))[4]),
  };
  await balancer.untilAllUp();
  return balancer;
}
