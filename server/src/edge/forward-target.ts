/** Where proxies ask whether to let a request through; what each family of them understands is told in forward-routes.ts. */
export const forwardPath = '/auth/forward';

const prefix = `/api/v1${forwardPath}`;
const asked = new RegExp(`^${prefix}(?:/nginx)?(?:/api-key|/bearer)?(?=/?(?:[?#]|$))`);
/** Envoy appends the path and query that its client asked for, and its prefix must not be mistaken for a part of them. */
const askedByEnvoy = new RegExp(`^${prefix}/envoy(?:-api-key|-bearer)?(?=[/?#]|$)`);
const authority = /^https?:\/\/[^/?#]+/i;

/**
 * Returns the path of the question that a request target asks the decision endpoint, or null for any other target.
 * What else stands in it is the guarded request's own, whatever it may be: no option, and nothing to parse or to log.
 */
export function forwardTarget(target: string): string | null {
  const path = target.replace(authority, '');
  return (asked.exec(path) ?? askedByEnvoy.exec(path))?.[0] ?? null;
}
