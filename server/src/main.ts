import type { AddressInfo } from 'node:net';
import { choresOf, createApp, createServices } from './app.ts';
import type { Config } from './config.ts';
import { migrate } from './database/migrate.ts';
import { startHousekeeping } from './housekeeping.ts';
import { createLog } from './log.ts';

/** Longest a stopping server waits for requests in progress, milliseconds. */
const drainMs = 9_000;

/** Runs the server until SIGINT or SIGTERM: migrates, listens, and on a signal drains and resolves. */
export async function serve(config: Config): Promise<void> {
  const log = createLog(config.logLevel);
  const services = createServices(config);
  const applied = await migrate(services.database);
  if (applied.length > 0) log.info({ applied }, 'database migrated');

  const app = await createApp(config, services, log);
  await app.listen({ host: config.host, port: config.port });
  const stopHousekeeping = startHousekeeping(choresOf(services), log);
  process.stderr.write(greeting(config, (app.server.address() as AddressInfo).port));

  const signal = await nextSignal();
  log.info({ signal }, 'stopping: finishing the requests in progress');
  const cut = setTimeout(() => app.server.closeAllConnections(), drainMs).unref();
  await app.close();
  clearTimeout(cut);
  await stopHousekeeping();
  await Promise.all([services.apiKeys.flushLastUses(), services.sessions.flushLastUses()]);
  await services.database.close();
  log.info('stopped');
  log.flush();
}

/** npm passes a signal on that its child has already got from the terminal, so later ones change nothing. */
function nextSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => resolve(signal));
  });
}

function greeting({ publicUrl, host, port }: Config, listeningPort: number): string {
  const url = port === 0 ? `http://localhost:${listeningPort}` : publicUrl;
  return `
Inksong is up at ${url} (listening on ${host}:${listeningPort})

Make an account and get its API key:
  curl -X POST ${url}/api/v1/auth/register -H "Content-Type: application/json" \\
    -d '{"email":"you@example.com","password":"five unrelated words do well"}'

Then use the key:
  curl ${url}/api/v1/documents/ -H "X-API-Key: ink_YOUR_KEY_HERE"

`;
}
