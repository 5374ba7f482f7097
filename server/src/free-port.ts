import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type Config, defaultPublicUrl } from './config/config.ts';

/** Returns a port of `host` that is free at this moment. */
export async function freePort(host: string): Promise<number> {
  const probe = createServer().listen(0, host);
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** PORT=0 means any free port. It must be known before the tokens' issuer and the links that carry it are made. */
export async function withKnownPort(config: Config): Promise<Config> {
  if (config.port !== 0) return config;
  const port = await freePort(config.host);
  const isDefaultUrl = config.publicUrl === defaultPublicUrl(config.host, 0);
  return { ...config, port, publicUrl: isDefaultUrl ? defaultPublicUrl(config.host, port) : config.publicUrl };
}
