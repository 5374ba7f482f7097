// Inksong's own server, routes and log, with all credential work taken out: no credential is read, nobody is looked up,
// limited or counted. It is put together here from the product's own functions, so that the product needs no such switch.
import type { FastifyRequest } from 'fastify';
import { createServices } from '../../server/src/app.ts';
import type { Principal } from '../../server/src/auth/principal.ts';
import { readConfig } from '../../server/src/config/config.ts';
import { migrate } from '../../server/src/database/migrate.ts';
import { registerRoutes } from '../../server/src/http/routes.ts';
import { createHttpServer } from '../../server/src/http/server.ts';
import { letYoungGenerationGrow } from '../../server/src/young-generation.ts';
import { log } from './listening.ts';

const config = readConfig(process.env);
const services = createServices(config, log);
await migrate(services.database);

/** Whoever the caller says he is. */
function principalOf({ headers }: FastifyRequest): Principal {
  const accountId = String(headers['x-bench-account']);
  return { scheme: 'api_key', accountId, email: '', accountCreatedAt: 0, apiKeyId: '', allowlist: null };
}

const server = await createHttpServer({
  log,
  publicUrl: config.publicUrl,
  allowedOrigins: config.allowedOrigins,
  proxies: config.proxies,
  gate: {
    authenticate: () => Promise.reject(new Error('Nobody is asked for a credential here.')),
    admitKey: () => true,
    onKeyRefused: () => {},
  },
});
server.addHook('onRoute', (route) => {
  route.config = { ...route.config, access: 'public' };
});
server.addHook('onRequest', (request, _reply, done) => {
  request.principal = principalOf(request);
  done();
});
await registerRoutes(server, services, config);
await server.listen({ host: config.host, port: config.port });
// As far as the product's own.
letYoungGenerationGrow();
