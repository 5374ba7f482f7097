import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LoadGenerator, startLoadGenerator } from './load/load-generator.ts';
import { seed } from './seed.ts';
import { type ServerProcess, type ServerProgram, startServer } from './server-process.ts';
import type { Sizes } from './sizes.ts';

/** What a run works with, gone when it ends. */
export interface Workshop {
  folder: string;
  sizes: Sizes;
  generator: LoadGenerator;
  /** When everything in its databases was made, milliseconds since 1970. */
  seededAt: number;
  /** Returns a data folder of its own with a copy of the database that all subjects begin with. */
  dataFolder(name: string): Promise<string>;
  start(program: ServerProgram): Promise<ServerProcess>;
  stop(server: ServerProcess): Promise<void>;
  after(end: () => Promise<void>): void;
}

/** Runs `work` and ends whatever it has started, however that went. */
export async function inWorkshop(sizes: Sizes, work: (workshop: Workshop) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'inksong-bench-'));
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  // Also when the run is cut short; its processes end when this one does.
  process.once('exit', removeFolder);
  const servers = new Set<ServerProcess>();
  const ends: (() => Promise<void>)[] = [];
  const generator = startLoadGenerator();
  const seededAt = Date.now();
  const database = join(folder, 'inksong.db');
  try {
    await work({
      folder,
      sizes,
      generator,
      seededAt,
      async dataFolder(name) {
        if (!existsSync(database)) await seed({ engine: 'sqlite', path: database }, sizes.accounts, seededAt);
        const copy = join(folder, name);
        mkdirSync(copy);
        cpSync(database, join(copy, 'inksong.db'));
        return copy;
      },
      async start(program) {
        const server = await startServer(program, folder);
        servers.add(server);
        return server;
      },
      async stop(server) {
        servers.delete(server);
        await server.stop();
      },
      after: (end) => void ends.unshift(end),
    });
  } finally {
    await Promise.allSettled([...servers].map((server) => server.stop()));
    await generator.stop();
    for (const end of ends) await end();
    process.removeListener('exit', removeFolder);
    removeFolder();
  }
}
