import type { IncomingMessage, ServerResponse } from 'node:http';
import helmet from 'helmet';

const oneYearSeconds = 365 * 24 * 3600;

/** What a page of ours may never do, whatever else its policy allows. */
export const closedPolicy = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/**
 * Returns the headers that every answer carries, those to requests that cannot even be parsed too; a route may replace
 * the Content-Security-Policy. Browsers are told to insist on https when the public URL is https.
 */
export function securityHeaders(publicUrl: string): Record<string, string> {
  const headers: Record<string, string> = { 'cache-control': 'no-store' };
  const collect = {
    setHeader(name: string, value: string): void {
      // In lower case, as Fastify keeps them.
      headers[name.toLowerCase()] = value;
    },
    removeHeader() {},
  };
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
        objectSrc: ["'none'"],
      },
    },
    strictTransportSecurity: publicUrl.startsWith('https:') && { maxAge: oneYearSeconds, includeSubDomains: true },
    xFrameOptions: { action: 'deny' },
    // For browsers and plug-ins that are gone.
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  })({} as IncomingMessage, collect as unknown as ServerResponse, (error?: unknown) => {
    if (error) throw error;
  });
  return headers;
}
