import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Run } from './experiment.ts';

export interface CommitCutter {
  port: number;
  /** Lets the next so many commits happen and cuts the connection off under their answer; resolves when all are cut. */
  cut(commits: number): Promise<void>;
}

/** As PostgreSQL's protocol sends it: a simple query, its length, its text. */
const commit = Buffer.from('Q\0\0\0\x0bCOMMIT\0', 'latin1');

/** Opens a way to PostgreSQL on which answers to commits can be lost. */
export async function openCommitCutter(run: Pick<Run, 'after'>, to: number): Promise<CommitCutter> {
  const ends = new Set<Socket>();
  let due = 0;
  let allCut: (() => void) | null = null;
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    let isDoomed = false;
    const close = (): void => {
      for (const end of [near, far]) {
        end.destroy();
        ends.delete(end);
      }
    };
    for (const end of [near, far]) {
      ends.add(end);
      end.on('error', close);
      end.on('close', close);
    }
    near.on('data', (bytes) => {
      if (due > 0 && bytes.includes(commit)) {
        due--;
        isDoomed = true;
      }
      far.write(bytes);
    });
    far.on('data', (bytes) => {
      if (!isDoomed) {
        near.write(bytes);
        return;
      }
      close();
      if (due === 0) allCut?.();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  run.after(() => {
    server.close();
    for (const end of ends) end.destroy();
  });
  return {
    port: (server.address() as { port: number }).port,
    cut(commits) {
      due = commits;
      return new Promise((resolve) => {
        allCut = resolve;
      });
    },
  };
}
