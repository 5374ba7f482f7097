import type { Server } from 'node:http';
import type { TestContext } from 'node:test';

/** What these tests use of the server's own test helpers. */
export interface InksongServer {
  url: string;
  app: { server: Server };
  logLines: string[];
  call(
    method: string,
    path: string,
    options?: { bearer?: string; key?: string; json?: unknown },
  ): Promise<InksongAnswer>;
  register(email?: string): Promise<TestAccount>;
  close(): Promise<void>;
}

interface InksongAnswer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever it expects to be there.
  json: any;
}

export interface TestAccount {
  id: string;
  email: string;
  apiKey: string;
  apiKeyId: string;
  accessToken: string;
}

interface SpawnedInksong {
  url: string;
  kill9(): Promise<void>;
}

type Settings = Record<string, string>;

interface Helpers {
  bootServer(t: TestContext, settings: Settings): Promise<InksongServer>;
  spawnServer(t: TestContext, dataDirectory: string, settings: Settings): Promise<SpawnedInksong>;
  temporaryDirectory(t: TestContext): string;
}

// Not by a name that the compiler follows: server and plugin both say what a route's `access` is, each in its own words,
// and one program cannot hold both.
const folder: string = new URL('../../server/test/', import.meta.url).href;
const helpers: Helpers = { ...(await import(`${folder}boot.ts`)), ...(await import(`${folder}spawn-server.ts`)) };
export const { temporaryDirectory } = helpers;

/** Where the apps under test run, as Inksong sees them. */
const trusting = { INKSONG_TRUSTED_PROXIES: '127.0.0.1' };

/** Boots the real Inksong; it trusts apps on 127.0.0.1. */
export function bootInksong(t: TestContext, settings: Settings = {}): Promise<InksongServer> {
  return helpers.bootServer(t, { ...trusting, ...settings });
}

/** Starts the real Inksong as a process of its own, to be killed. */
export function spawnInksong(t: TestContext, dataDirectory: string, settings: Settings = {}): Promise<SpawnedInksong> {
  return helpers.spawnServer(t, dataDirectory, { ...trusting, ...settings });
}

/** Gives an account a new key. Returns it. */
export async function rotate(server: InksongServer, { apiKeyId, accessToken }: TestAccount): Promise<string> {
  const { status, json } = await server.call('POST', `/api-keys/${apiKeyId}/rotate`, { bearer: accessToken, json: {} });
  if (status !== 200) throw new Error(`rotate answered ${status}`);
  return json.api_key;
}

/** Sets the addresses that an account's key may be used from. */
export async function allow(
  server: InksongServer,
  { apiKeyId, accessToken }: TestAccount,
  allowedIps: string[] | null,
): Promise<void> {
  const { status } = await server.call('PATCH', `/api-keys/${apiKeyId}`, {
    bearer: accessToken,
    json: { allowed_ips: allowedIps },
  });
  if (status !== 200) throw new Error(`PATCH answered ${status}`);
}
