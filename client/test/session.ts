import type { TestContext } from 'node:test';
import { bootServer, goodPassword, type TestServer } from '../../server/test/boot.ts';
import { InksongSession } from '../src/inksong-session.ts';
import { type CookieFetch, createCookieFetch } from './cookie-fetch.ts';

export interface SignedIn {
  server: TestServer;
  session: InksongSession;
  network: CookieFetch;
  email: string;
  apiKey: string;
  /** What the session has told its subscribers since. */
  told: string[];
}

/** Boots a server and signs a new account in. `lifetimeSeconds` is what its first access token claims. */
export async function signedIn(t: TestContext, lifetimeSeconds: number | null = null): Promise<SignedIn> {
  const server = await bootServer(t);
  const network = createCookieFetch();
  network.lifetimeSeconds = lifetimeSeconds;
  const session = new InksongSession({ baseUrl: server.url, fetch: network.fetch });
  const email = 'person@example.com';
  const registration = await session.register({ email, password: goodPassword });
  if (registration.status !== 'registered') throw new Error('The server has no mail, and still mailed.');
  network.lifetimeSeconds = null;
  network.sent.length = 0;
  const told: string[] = [];
  session.subscribe((state) => told.push(state));
  return { server, session, network, email, apiKey: registration.apiKey, told };
}
