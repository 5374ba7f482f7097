import type { Access } from './authentication.ts';
import type { HttpServer } from './server.ts';

export interface RouteEntry {
  method: string;
  /** With `:id` for what varies. */
  url: string;
  access: Access;
}

/** The route on which preflights of every path arrive; no path of its own. */
export const preflights = '*';

/**
 * Returns the table of all routes, filled as they are added. Call before any route is added.
 * A route that does not state its access throws there and then, so the server cannot start with it.
 */
export function collectRoutes(server: HttpServer): readonly RouteEntry[] {
  const table: RouteEntry[] = [];
  server.addHook('onRoute', (route) => {
    const { method, url, config } = route;
    if (method === 'OPTIONS' && url === preflights) {
      // The plugin that adds it cannot state its access. A browser sends no credential with a preflight.
      route.config = { ...config, access: 'public' };
      return;
    }
    if (!config?.access) throw new Error(`${String(method)} ${url} does not state its access.`);
    for (const each of [method].flat()) table.push({ method: each, url, access: config.access });
  });
  return table;
}

/** Returns which methods the path of a URL answers, for the Allow header (RFC 9110 section 10.2.1); none for an unknown path. */
export function allowedMethods(table: readonly RouteEntry[], url: string): string[] {
  const path = pathOf(url);
  return [...new Set(table.filter((route) => pathPattern(route.url).test(path)).map((route) => route.method))].sort();
}

/**
 * Returns the path of a request target as the router reads it: that of an absolute URL begins behind its authority
 * (RFC 9112 section 3.2.2), and escapes count as what they stand for, but for those of separators.
 */
function pathOf(target: string): string {
  const [path = ''] = target.replace(/^https?:\/\/[^/?#]+/i, '').split(/[?#]/, 1);
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

const patterns = new Map<string, RegExp>();

/** `/documents/:id/` matches with any one segment for `:id`, with and without the last slash. */
function pathPattern(url: string): RegExp {
  let pattern = patterns.get(url);
  if (!pattern) {
    const segments = url.split('/').filter((segment) => segment !== '');
    const source = segments.map((segment) => (segment.startsWith(':') ? '[^/]+' : RegExp.escape(segment))).join('/');
    pattern = new RegExp(`^/${source}/?$`);
    patterns.set(url, pattern);
  }
  return pattern;
}
