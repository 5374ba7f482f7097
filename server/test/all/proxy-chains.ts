import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { ClientIpHeader } from '../../src/edge/trusted-proxies.ts';
import { freePort } from '../../src/free-port.ts';
import { type ProxyName, startProxy } from './proxies.ts';
import { proxySamples } from './proxy-samples.ts';

const { outermost, further } = proxySamples;

/** Which kind stands in front of which, where there are two. */
const inFrontOf: Record<ProxyName, ProxyName> = { nginx: 'haproxy', caddy: 'nginx', haproxy: 'caddy' };

/** Where they ask from. Caddy 2.6 cannot be told, so it is never on both sides. */
const caddyAddress = '127.0.0.1';
const [innerAddress, outerAddress] = ['127.0.0.2', '127.0.0.3'];

/** Returns the addresses that one proxy, or two in a row, ask from, the outermost first. */
export function chainAddresses(hops: 1, inner: ProxyName): [string];
export function chainAddresses(hops: 2, inner: ProxyName): [outer: string, inner: string];
export function chainAddresses(hops: 1 | 2, inner: ProxyName): [string] | [string, string];
export function chainAddresses(hops: 1 | 2, inner: ProxyName): [string] | [string, string] {
  const own = inner === 'caddy' ? caddyAddress : innerAddress;
  if (hops === 1) return [own];
  return [inFrontOf[inner] === 'caddy' ? caddyAddress : outerAddress, own];
}

export interface Chain {
  /** Of the outermost proxy. */
  origin: string;
  /** As those they ask see them, the outermost first. */
  addresses: string[];
}

/** Starts one proxy, or two in a row, in front of a server, by the page's configurations but for their addresses and `header`. */
export async function startChain(
  t: TestContext,
  { hops, inner, header, server }: { hops: 1 | 2; inner: ProxyName; header: ClientIpHeader; server: string },
): Promise<Chain> {
  const upstream = new URL(server).host;
  const addresses = chainAddresses(hops, inner);
  const [first, last = first] = addresses;
  if (hops === 1) {
    const port = await startProxy(t, inner, completed(inner, outermost[inner], { header, upstream, from: first }));
    return { origin: `https://127.0.0.1:${port}`, addresses };
  }
  const port = await freePort('127.0.0.1');
  const replace = { '8081': `${port}`, '127.0.0.1/32': `${first}/32` };
  const configuration = completed(inner, further[inner], { header, upstream, from: last });
  await startProxy(t, inner, configuration, { replace, port });

  const outer = inFrontOf[inner];
  const rest = { header, upstream: `127.0.0.1:${port}`, from: first };
  const outerPort = await startProxy(t, outer, completed(outer, withoutForwardedOfClients(outer, header), rest));
  return { origin: `https://127.0.0.1:${outerPort}`, addresses };
}

/** Starts an nginx by the page, but for the line that says for whom it asks. */
export async function startSilentProxy(t: TestContext, server: string): Promise<Chain> {
  const line = 'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;';
  const told = { header: 'x-forwarded-for', upstream: new URL(server).host, from: innerAddress } as const;
  const configuration = completed('nginx', replaced(outermost.nginx, line, ''), told);
  return { origin: `https://127.0.0.1:${await startProxy(t, 'nginx', configuration)}`, addresses: [innerAddress] };
}

/** Returns the outermost proxy's configuration with the line the page adds for `Forwarded`: nginx reads one such header only. */
function withoutForwardedOfClients(name: ProxyName, header: ClientIpHeader): string {
  if (header !== 'forwarded' || name !== 'haproxy') return outermost[name];
  return replaced(outermost.haproxy, 'option forwardfor', `http-request del-header Forwarded\n    option forwardfor`);
}

/** Returns a page's configuration with the addresses of this run, and with `Forwarded` in place of X-Forwarded-For. */
function completed(
  name: ProxyName,
  sample: string,
  { header, upstream, from }: { header: ClientIpHeader; upstream: string; from: string },
): string {
  const told = header === 'forwarded' ? replaced(sample, ...toForwarded[name]) : sample;
  const bound = name === 'caddy' ? told : replaced(told, ...fromAddress[name](from));
  return replaced(bound, '127.0.0.1:8080', upstream);
}

function replaced(text: string, shown: string | RegExp, real: string): string {
  const result = text.replace(shown, real);
  assert.notEqual(result, text, `there is no ${shown}`);
  return result;
}

/** HAProxy has an option for its second line from 2.8 on, which Debian's is not yet. */
const toForwarded: Record<ProxyName, [shown: string | RegExp, real: string]> = {
  caddy: [
    /reverse_proxy 127.0.0.1:8080(?: \{\n(.*)\n\t\})?/,
    'reverse_proxy 127.0.0.1:8080 {\n$1\n\t\theader_up +Forwarded "for={remote_host};proto={scheme}"\n\t}',
  ],
  nginx: [
    'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
    'proxy_set_header Forwarded "$$http_forwarded, for=\\"$$remote_addr:$$remote_port\\";proto=$$scheme";',
  ],
  haproxy: ['option forwardfor', 'http-request add-header Forwarded for=%[src]'],
};

const fromAddress: Record<'nginx' | 'haproxy', (address: string) => [shown: string, real: string]> = {
  nginx: (address) => ['proxy_pass http://', `proxy_bind ${address};\n        proxy_pass http://`],
  haproxy: (address) => ['server inksong 127.0.0.1:8080', `server inksong 127.0.0.1:8080 source ${address}`],
};
