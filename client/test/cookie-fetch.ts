import type { Fetch } from '../src/exchange.ts';

interface SentRequest {
  method: string;
  /** With its query. */
  path: string;
  headers: Headers;
}

export interface CookieFetch {
  fetch: Fetch;
  /** Every request so far. */
  sent: SentRequest[];
  /** Takes a request's place on the network from now on; null lets it through. */
  intercept: (request: Request, path: string) => Promise<Response | null> | Response | null;
  /** When set, access tokens seem to live for so many seconds from now on. */
  lifetimeSeconds: number | null;
  /** How many requests went to this path. */
  count(path: string): number;
}

/** A fetch that keeps the refresh cookie as a browser does, and tells what it has sent. Tabs share `jar`. */
export function createCookieFetch(jar: { cookie: string | null } = { cookie: null }): CookieFetch {
  const self: CookieFetch = {
    sent: [],
    intercept: () => null,
    lifetimeSeconds: null,
    count: (path) => self.sent.filter((request) => request.path === path).length,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const path = pathname + search;
      self.sent.push({ method: request.method, path, headers: new Headers(request.headers) });
      const instead = await self.intercept(request, path);
      if (instead !== null) return instead;
      if (jar.cookie !== null) request.headers.set('Cookie', jar.cookie);
      const response = await globalThis.fetch(request);
      const set = /^__Host-inksong_refresh=([^;]*)/.exec(response.headers.get('Set-Cookie') ?? '');
      if (set) jar.cookie = set[1] === '' ? null : set[0];
      if (self.lifetimeSeconds === null || !response.ok || !/auth\/(register|login|refresh)$/.test(path))
        return response;
      return Response.json({ ...(await response.json()), expires_in: self.lifetimeSeconds }, response);
    },
  };
  return self;
}

/** A problem as the server words it. */
export function problem(status: number, code: string, headers: Record<string, string> = {}): Response {
  const body = { type: 'about:blank', title: code, status, detail: `${code}.`, code, request_id: 'req_1' };
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'Content-Type': 'application/problem+json', ...headers },
  });
}
