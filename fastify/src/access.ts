import type { FastifyInstance } from 'fastify';

/**
 * Who may call a route. Every route states it; one that does not keeps the app from starting.
 * - `public`: anybody; credentials are not looked at.
 * - `both`: an API key or a Bearer token.
 * - `api-key`: an API key.
 * - `bearer`: a Bearer token.
 */
export type Access = 'public' | 'both' | 'api-key' | 'bearer';

declare module 'fastify' {
  interface FastifyContextConfig {
    access: Access;
  }
}

const accesses: readonly unknown[] = ['public', 'both', 'api-key', 'bearer'] satisfies Access[];

/**
 * Makes every route from here on state its access: one that does not throws there and then. Throws when there are routes
 * already, or when this part of the app has been guarded before.
 */
export function requireAccess(app: FastifyInstance): void {
  if (app.hasRequestDecorator('principal')) {
    throw new Error(
      'Register @inksong/fastify once: this part of the app is guarded already, or has a request.principal of its own.',
    );
  }
  if (hasRoutes(app)) {
    throw new Error('Register @inksong/fastify before any route, with await: those before it would not be guarded.');
  }
  app.addHook('onRoute', (route) => {
    const { method, url, routePath, config } = route;
    const access: unknown = config?.access;
    if (access === undefined && method === 'OPTIONS' && routePath === '*') {
      // What @fastify/cors adds for preflights. A browser sends no credential with one.
      route.config = { ...config, access: 'public' };
      return;
    }
    if (!accesses.includes(access)) {
      const fault = access === undefined ? 'does not state its access' : 'states an access that does not exist';
      throw new Error(`${String(method)} ${url} ${fault}: config.access is one of ${accesses.join(', ')}.`);
    }
  });
}

/** Tells whether a route was added that nobody has looked at; where preflights arrive is none. */
function hasRoutes(app: FastifyInstance): boolean {
  return /\((?!OPTIONS\))[A-Z]/.test(app.printRoutes({ commonPrefix: false }));
}
