interface Scope {
  Deno?: unknown;
  Bun?: unknown;
  window?: unknown;
  document?: unknown;
  importScripts?: unknown;
  navigator?: { product?: string; userAgent?: string };
}

/** Tells whether this is a page or a worker of one: where tabs share cookies, and where people can read the code. */
export function isBrowser(): boolean {
  const scope = globalThis as Scope;
  if (scope.Deno !== undefined || scope.Bun !== undefined) return false;
  if (scope.window !== undefined && scope.document !== undefined) return true;
  // Node has no importScripts; workers of modules have it too, though it only throws there.
  return typeof scope.importScripts === 'function';
}

/** Throws where a key would be shipped to people's machines: anyone can read it there, and it never runs out. */
export function refuseKeyInBrowser(): void {
  const { navigator } = globalThis as Scope;
  if (!isBrowser() && navigator?.product !== 'ReactNative') return;
  throw new TypeError(
    'An API key does not belong in a browser or an app: whoever opens it can read the key and use it for as long as it lives. ' +
      'Use InksongSession there, and Inksong with a key on a server.',
  );
}
