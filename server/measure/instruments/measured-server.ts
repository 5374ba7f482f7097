import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { goodPassword, send } from '../../test/boot.ts';
import { type SpawnedServer, spawnServer } from '../../test/spawn-server.ts';

export interface MeasuredServer extends SpawnedServer {
  dataDirectory: string;
  email: string;
  apiKey: string;
}

/** Runs `work` on a server process of its own with one account, its limits off, and tells what else the machine was doing. */
export async function onServer(work: (server: MeasuredServer) => Promise<void>): Promise<void> {
  const ends: (() => unknown)[] = [];
  const dataDirectory = mkdtempSync(join(tmpdir(), 'inksong-measure-'));
  console.log(`${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)} before`);
  try {
    const server = await spawnServer({ after: (end) => void ends.push(end as () => unknown) }, dataDirectory, {
      INKSONG_RATE_LIMIT_AUTH: 'off',
      INKSONG_RATE_LIMIT_API: 'off',
      LOG_LEVEL: 'warn',
    });
    const email = 'known@example.com';
    const { json } = await send(`${server.url}/api/v1/auth/register`, 'POST', {
      json: { email, password: goodPassword },
    });
    await work({ ...server, dataDirectory, email, apiKey: json.api_key });
  } finally {
    for (const end of ends) await end();
    rmSync(dataDirectory, { recursive: true, force: true });
  }
}
