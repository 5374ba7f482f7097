import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { say } from './output.ts';
import { withConfig } from './with-services.ts';

export function addOpenApiCommand(inksong: Command): void {
  inksong
    .command('openapi')
    .description('print the OpenAPI 3.1 document of this version, generated from its routes')
    .addHelpText('after', '\nNeeds no database and touches none.\n\nExample:\n  inksong openapi > openapi.json')
    .action(() =>
      withConfig(async (config) => {
        const { createApp, createServices } = await import('../app.ts');
        const { pino } = await import('pino');
        const scratch = mkdtempSync(join(tmpdir(), 'inksong-openapi-'));
        try {
          const database = { engine: 'sqlite', path: join(scratch, 'inksong.db') } as const;
          const own = { dataDirectory: scratch, database };
          const secret = randomBytes(32).toString('base64url');
          const services = createServices({ ...config, ...own, secret });
          const app = await createApp(config, services, pino({ level: 'silent' }));
          await app.ready();
          say(JSON.stringify(app.swagger(), null, 2));
          await app.close();
          await services.database.close();
        } finally {
          rmSync(scratch, { recursive: true });
        }
      }),
    );
}
