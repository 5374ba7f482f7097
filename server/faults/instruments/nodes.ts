import { freePort } from '../../src/free-port.ts';
import type { SpawnedServer } from '../../test/spawn-server.ts';
import type { Installation } from './installation.ts';

/** One of several processes that serve the same installation, always at the same address. */
export interface Node {
  index: number;
  port: number;
  /** `http://127.0.0.1:PORT` */
  url: string;
  server: SpawnedServer;
  /** Starts it again after it has ended, with other settings where some are given; resolves when it is ready. */
  start(environment?: Record<string, string>): Promise<void>;
}

/** Starts nodes one after another. Each knows its number, for defects that are planted in one alone. */
export async function startNodes(
  installation: Installation,
  count: number,
  environment: Record<string, string> = {},
): Promise<Node[]> {
  const nodes: Node[] = [];
  for (let index = 0; index < count; index++) {
    const port = await freePort('127.0.0.1');
    const start = (more: Record<string, string> = {}) =>
      installation.startNode({ PORT: String(port), FAULTS_NODE: String(index), ...environment, ...more });
    const node: Node = {
      index,
      port,
      url: `http://127.0.0.1:${port}`,
      server: await start(),
      async start(more) {
        node.server = await start(more);
      },
    };
    nodes.push(node);
  }
  return nodes;
}
