import { parseEnv } from 'node:util';
import { Page } from '../samples.ts';

const page = new Page('docs/behind-a-proxy.md');
const take = (heading: string, language: string): string => page.take(heading, language).code;

/** What the page says about proxies, as it stands there. */
export const proxySamples = {
  env: parseEnv(take('Behind a proxy', 'env')) as Record<string, string>,
  /** The one proxy there is, or the first of several. */
  outermost: { caddy: take('Caddy', 'caddy'), nginx: take('nginx', 'nginx'), haproxy: take('HAProxy', 'haproxy') },
  caddyOverHttp: take('Caddy', 'caddy'),
  /** Behind another. */
  further: {
    caddy: take('Several proxies in a row', 'caddy'),
    nginx: take('Several proxies in a row', 'nginx'),
    haproxy: take('Several proxies in a row', 'haproxy'),
  },
};

/** Blocks of the page that are none of these, and so were never run. */
export const unknownSamples = page.left(() => true);
