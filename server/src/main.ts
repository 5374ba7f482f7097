import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { choresOf, createApp, createServices, flushesOf } from './app.ts';
import type { Config } from './config/config.ts';
import { migrate } from './database/migrate.ts';
import { type Connections, connectionsOf } from './drain.ts';
import { withKnownPort } from './free-port.ts';
import { runEach, startHousekeeping } from './housekeeping.ts';
import { createLog } from './log.ts';
import { startMetrics } from './metrics/metrics-listener.ts';
import type { Readiness } from './readiness.ts';
import { stopReason } from './stop-reason.ts';
import { endThriftyStart } from './thrifty-start.ts';
import type { Role } from './workers/role.ts';

/** Longest a stopping server waits for requests in progress, milliseconds from the signal; */
const drainMs = 8_000;
/** but at least this long after it has stopped listening. */
const shortestDrainMs = 3_000;
/** What comes after. Service managers kill after ten seconds; whatever hangs then is left behind before that. */
const endMs = 1_500;

/** Serves, in this process or in as many workers as are configured. Returns and throws as `serveHere`. */
export async function serve(config: Config): Promise<0 | 1> {
  if (config.workers === 1) return serveHere(config);
  // Not part of a start without workers.
  const { supervise } = await import('./workers/supervisor.ts');
  return supervise(config, alone);
}

/**
 * Runs the server until SIGINT, SIGTERM or an error that nobody caught: migrates, listens, and then drains.
 * Returns the exit code. Throws when it cannot start.
 */
export async function serveHere(configured: Config, role: Role = alone): Promise<0 | 1> {
  const { log, flush } = await createLog(configured.logLevel, role.worker);
  const stopping = stopReason(log);
  const config = await withKnownPort(configured);
  const services = createServices(config, log);
  let stopMetrics: (() => Promise<void>) | null = null;
  try {
    await role.prepare(services.database, log);
    stopMetrics = await role.startMetrics(services.passwords, config);
    const app = await createApp(config, services, log);
    const connections = connectionsOf(app);
    try {
      await app.listen({ host: config.host, port: config.port });
    } catch (error) {
      await app.close();
      throw error;
    }
    const stopHousekeeping = startHousekeeping(choresOf(services), log);
    role.announce(config);
    endThriftyStart();

    const reason = await stopping;
    let leftMs = 0;
    if (reason.mayWait && config.drainSeconds > 0) {
      log.info({ reason: reason.name, seconds: config.drainSeconds }, 'leaving: not ready any more, still answering');
      leftMs = await untilNoticed(services.readiness, connections, config.drainSeconds);
    }
    const waitMs = Math.max(drainMs - leftMs, shortestDrainMs);
    services.outbox.stop();
    log.info({ reason: reason.name }, 'stopping: finishing the requests in progress');
    const giveUp = setTimeout(() => {
      log.error('stopped without finishing');
      flush();
      process.exit(1);
    }, waitMs + endMs);
    const housekeepingStopped = stopHousekeeping();
    await connections.drain(waitMs);
    await housekeepingStopped;
    // What is lost when one fails is what a crash would lose too, so it does not spoil an orderly stop.
    await runEach(flushesOf(services), log);
    clearTimeout(giveUp);
    log.info('stopped');
    return reason.exitCode;
  } finally {
    await stopMetrics?.();
    await services.database.close();
    flush();
  }
}

/** Goes on answering while balancers notice that this process is not ready. Ctrl-C cuts it short. Returns the milliseconds it took. */
async function untilNoticed(readiness: Readiness, connections: Connections, seconds: number): Promise<number> {
  const startedMs = performance.now();
  readiness.leave();
  connections.endAfterAnswers();
  const hurried = new AbortController();
  await Promise.race([
    delay(seconds * 1_000, undefined, { signal: hurried.signal }),
    once(process, 'SIGINT', { signal: hurried.signal }),
  ]);
  hurried.abort();
  return performance.now() - startedMs;
}

const alone: Role = {
  worker: null,
  async prepare(database, log) {
    const { concerns } = await database.inspect();
    for (const concern of concerns) log.warn(`database: ${concern}`);
    const applied = await migrate(database);
    if (applied.length > 0) log.info({ applied }, 'database migrated');
  },
  startMetrics: (passwords, { host, metricsPort }) =>
    metricsPort === null ? Promise.resolve(async () => {}) : startMetrics(passwords, host, metricsPort),
  announce: (config) => void process.stderr.write(greeting(config)),
};

function greeting({ publicUrl, host, port, signup }: Config): string {
  const join =
    signup === 'open'
      ? `Sign up there in a browser, or make an account here and get its API key:
  curl -X POST ${publicUrl}/api/v1/auth/register -H "Content-Type: application/json" \\
    -d '{"email":"you@example.com","password":"five unrelated words do well"}'`
      : `Make an account; whoever opens the link gets its API key:
  npm run inksong -- accounts create you@example.com`;
  return `
Inksong is up at ${publicUrl} (listening on ${host.includes(':') ? `[${host}]` : host}:${port})

${join}

Then use the key:
  curl ${publicUrl}/api/v1/documents/ -H "X-API-Key: ink_YOUR_KEY_HERE"

`;
}
