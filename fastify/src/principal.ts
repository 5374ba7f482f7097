import type { FastifyRequest } from 'fastify';

/** Who is calling, as Inksong said a moment ago. */
export type Principal = ApiKeyPrincipal | BearerPrincipal;

interface Caller {
  accountId: string;
  email: string;
}

export interface ApiKeyPrincipal extends Caller {
  scheme: 'api_key';
  /** It stays the same when the key is rotated. */
  apiKeyId: string;
}

export interface BearerPrincipal extends Caller {
  scheme: 'bearer';
  apiKeyId: null;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is calling; null on a `public` route, where nobody asked. */
    principal: Principal | null;
  }
}

/** Returns who is calling. Throws on a `public` route. */
export function principalOf(request: FastifyRequest): Principal {
  if (!request.principal) throw new Error('This route is public: nobody asked who is calling.');
  return request.principal;
}
