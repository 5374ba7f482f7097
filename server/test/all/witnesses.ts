import assert from 'node:assert/strict';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { operator } from '../../src/auth/actor.ts';
import type { TestAccount, TestServer } from '../boot.ts';
import { ask, type ProxiedAnswer, type ProxiedRequest } from './proxies.ts';

/** One way to a server, and the two accounts that are asked for along it. */
export interface Road {
  origin: string;
  server: TestServer;
  /** Its key is allowed from the expected address alone. */
  guest: TestAccount;
  /** Its key is allowed from everywhere but the expected address. */
  stranger: TestAccount;
}

/** What each witness took the requests of one case to be from. Where a witness saw several, they stand side by side. */
interface Testimony {
  allowlist: string;
  limiter: string;
  log: string;
  event: string;
}

export interface Case {
  name: string;
  lines: readonly string[];
  /** Where the client is. */
  from: string;
  /** Who the server should take it for. */
  expected: string;
}

/** By the names of the cases; `strays` are events of addresses, or in numbers, that no case accounts for. */
export interface Hearing {
  byCase: Record<string, Testimony>;
  strays: string[];
}

/** Returns what is heard when all witnesses say what is expected. */
export function agreement(cases: readonly Case[]): Hearing {
  const agreed = ({ name, expected }: Case): [string, Testimony] => [
    name,
    { allowlist: expected, limiter: expected, log: expected, event: expected },
  ];
  return { byCase: Object.fromEntries(cases.map(agreed)), strays: [] };
}

/** Asks for each case along a road and returns what the four witnesses say of it. A stranger is good for one hearing. */
export async function hearWitnesses(road: Road, cases: readonly Case[]): Promise<Hearing> {
  const { server, stranger, origin } = road;
  const agent = origin.startsWith('https:') ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const logStart = server.logLines.length;
  const heard: { each: Case; answers: Answers }[] = [];
  for (const each of cases) heard.push({ each, answers: await askAlong(road, each, agent) });
  agent.destroy();

  await server.services.events.flush();
  const path = '/events/?kind=address_refused&limit=100';
  const { items } = (await server.call('GET', path, { bearer: stranger.accessToken })).json;
  const told = new Map((items as { address: string; count: number }[]).map(({ address, count }) => [address, count]));
  const wanted = Map.groupBy(cases, ({ expected }) => expected);
  // By now the lines of all requests above are written: this last one was read after they were answered.
  const lines = server.logLines.slice(logStart).map((line) => JSON.parse(line));
  const logged = Map.groupBy(lines, ({ msg, request_id }) => (msg === 'request' ? request_id : null));

  const byCase = heard.map(({ each: { name, expected }, answers: { allowlist, limiter, requestIds } }) => {
    const addresses = requestIds.map(
      (id) =>
        logged
          .get(id)
          ?.map(({ address }) => address)
          .join(' ') ?? 'none',
    );
    const event = told.get(expected) === wanted.get(expected)?.length ? expected : 'another';
    return [name, { allowlist, limiter, log: [...new Set(addresses)].join(' '), event }];
  });
  const strays = [...told].filter(([address, count]) => wanted.get(address)?.length !== count);
  return { byCase: Object.fromEntries(byCase), strays: strays.map(([address, count]) => `${count} × ${address}`) };
}

interface Answers {
  allowlist: string;
  limiter: string;
  requestIds: string[];
}

async function askAlong(
  { origin, server, guest, stranger }: Road,
  { name, lines, from, expected }: Case,
  agent: HttpAgent,
): Promise<Answers> {
  const { apiKeys, database } = server.services;
  await apiKeys.update(guest.id, guest.apiKeyId, { allowed_ips: [expected] }, operator);
  await apiKeys.update(stranger.id, stranger.apiKeyId, { allowed_ips: allBut(expected) }, operator);
  const send = (request: Omit<ProxiedRequest, 'from' | 'agent'>) => ask(origin, { ...request, from, agent });
  const path = '/api/v1/documents/';
  const admitted = await send({ path, headers: ['X-API-Key', guest.apiKey, ...lines] });
  const refused = await send({ path, headers: ['X-API-Key', stranger.apiKey, ...lines] });

  await database.query.deleteFrom('limit_counters').execute();
  const body = '{}';
  const content = ['Content-Type', 'application/json', 'Content-Length', `${body.length}`];
  // It counts before it is found to name nobody.
  const counted = await send({ method: 'POST', path: '/api/v1/auth/login', headers: [...content, ...lines], body });
  assert.equal(counted.status, 422, `${name}: ${counted.bytes}`);
  const counters = await database.query.selectFrom('limit_counters').select('key').execute();

  const named = /does not have (\S+)\. /.exec(refused.json?.detail ?? '')?.[1];
  const isAgreed = admitted.status === 200 && refused.status === 403 && refused.json.code === 'address_not_allowed';
  return {
    allowlist: isAgreed && named !== undefined ? named : `${admitted.status} ${refused.status} ${refused.bytes}`,
    limiter: counters.map(({ key }) => /^auth:(.*)\/32$/.exec(key)?.[1] ?? key).join(' '),
    requestIds: [admitted, refused, counted].map(requestIdOf),
  };
}

function requestIdOf({ headers }: ProxiedAnswer): string {
  return String(headers['x-request-id']);
}

/** Returns the CIDRs of all addresses but one IPv4 address. */
function allBut(address: string): string[] {
  const bits = address
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
  const ranges = Array.from(bits, (bit, index) => {
    const network = `${bits.slice(0, index)}${bit === '0' ? 1 : 0}`.padEnd(32, '0');
    const parts = [0, 8, 16, 24].map((start) => Number.parseInt(network.slice(start, start + 8), 2));
    return `${parts.join('.')}/${index + 1}`;
  });
  return [...ranges, '::/0'];
}
