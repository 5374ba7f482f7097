import type { Command } from 'commander';
import { answer, jsonOption } from './output.ts';
import { serveNow } from './serve-now.ts';
import { withConfig } from './with-services.ts';

export function addServerCommands(inksong: Command): void {
  inksong
    .command('serve')
    .description('run the server until SIGINT or SIGTERM; makes and migrates the database first')
    .option(
      '--workers <number>',
      'serve by so many processes, or "auto": one for each core; needs PostgreSQL; in place of INKSONG_WORKERS',
    )
    .addHelpText('after', '\nExamples:\n  PORT=9000 inksong serve\n  inksong serve --workers 4')
    .action(({ workers }: { workers?: string }) => serveNow(workers === undefined ? {} : { INKSONG_WORKERS: workers }));

  inksong
    .command('migrate')
    .description("bring the database to this version's schema, making it when there is none")
    .option(...jsonOption)
    .action((options: { json?: boolean }) =>
      withConfig(async (config) => {
        const { createServices } = await import('../app.ts');
        const { migrate } = await import('../database/migrate.ts');
        const { database } = createServices(config);
        try {
          await database.inspect();
          const applied = await migrate(database);
          const text = applied.length > 0 ? `Applied ${applied.join(', ')}.` : 'The schema is up to date.';
          answer(options, { applied }, text);
        } finally {
          await database.close();
        }
      }),
    );
}
