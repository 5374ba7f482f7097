import type { HttpServer } from './server.ts';

/** Returns a function that tells which methods the path of a URL answers, none for an unknown path. Call before any route is added. */
export function methodsOfPaths(server: HttpServer): (url: string) => string[] {
  const paths = new Map<string, { pattern: RegExp; methods: Set<string> }>();
  server.addHook('onRoute', ({ url, method }) => {
    const known = paths.get(url) ?? { pattern: pathPattern(url), methods: new Set<string>() };
    for (const each of [method].flat()) known.methods.add(each);
    paths.set(url, known);
  });
  return (url) => {
    const path = url.split('?', 1)[0] ?? '';
    const methods = [...paths.values()]
      .filter(({ pattern }) => pattern.test(path))
      .flatMap((known) => [...known.methods]);
    return [...new Set(methods)].sort();
  };
}

/** `/documents/:id/` matches with any one segment for `:id`, with and without the last slash. */
function pathPattern(url: string): RegExp {
  const segments = url.split('/').filter((segment) => segment !== '');
  return new RegExp(
    `^/${segments.map((segment) => (segment.startsWith(':') ? '[^/]+' : RegExp.escape(segment))).join('/')}/?$`,
  );
}
