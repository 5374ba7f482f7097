import type { TestContext } from 'node:test';
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import { type InksongOptions, inksong } from '../src/index.ts';

export interface GuardedApp {
  /** `http://127.0.0.1:PORT` */
  url: string;
  app: FastifyInstance;
  /** Every log line so far, unparsed. */
  logLines: string[];
}

/** Long enough for any machine: what is about time limits sets its own. */
const patienceMs = 30_000;

export interface GuardedAppOptions extends Omit<InksongOptions, 'url'> {
  trustProxy?: string;
  host?: string;
}

/**
 * Starts an app behind the Inksong at an address, with a route of each access that tells what its handler sees: `/both`,
 * `/api-key`, `/bearer`, `/public`; and others, if wanted. It is gone when the test ends.
 */
export async function startApp(
  t: TestContext,
  inksongUrl: string,
  { trustProxy, host = '127.0.0.1', timeoutMs = patienceMs }: GuardedAppOptions = {},
  addRoutes: (app: FastifyInstance) => void = () => {},
): Promise<GuardedApp> {
  const logLines: string[] = [];
  const logger: FastifyServerOptions['logger'] = {
    level: 'trace',
    stream: { write: (line: string) => void logLines.push(line) },
  };
  const app = Fastify({ logger, ...(trustProxy !== undefined && { trustProxy }) });
  t.after(async () => {
    app.server.closeAllConnections();
    await app.close();
  });
  await app.register(inksong, { url: inksongUrl, timeoutMs });
  for (const access of ['public', 'both', 'api-key', 'bearer'] as const) {
    app.route({
      method: ['GET', 'POST'],
      url: `/${access}`,
      config: { access },
      handler: async ({ principal, headers, raw: { rawHeaders, headersDistinct } }) => {
        return { principal, headers, rawHeaders, headersDistinct };
      },
    });
  }
  addRoutes(app);
  const url = await app.listen({ host, port: 0 });
  return { url, app, logLines };
}
