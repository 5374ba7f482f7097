import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { goodPassword } from '../../test/boot.ts';
import { count } from './findings.ts';
import type { DatabaseReader } from './installation.ts';
import type { Asker, TimedAnswer } from './timed-request.ts';

/** What a request of the load was, and what became of it. */
interface Sent extends TimedAnswer {
  kind: string;
}

export interface Load {
  /** Every answer so far that was not the one wished for. */
  refused: Sent[];
  /** By kind and status. */
  statuses: Record<string, number>;
  /** By kind, milliseconds; of slow uploads, without the time that sending them takes. */
  slowestMs: Record<string, number>;
  /** When each request was sent and answered; without the slow uploads. */
  times: Pick<Sent, 'sentNs' | 'receivedNs'>[];
  /** Documents whose upload was answered, by their id. */
  documents: Map<string, { sha256: string; key: string }>;
  /** Of one of its accounts. */
  key: string;
  /** Stops sending; resolves when the last answer is there. */
  stop(): Promise<void>;
}

/** Of many users, since uploads of one account go one after the other. */
const accountCount = 10;
/** Sooner than an access token ends. */
export const signInAnewMs = 8 * 60_000;
const uploadPieces = 8;
const uploadPieceMs = 150;

/**
 * Sends requests at a steady rate, whatever becomes of the earlier ones: reads with key and token, small uploads, and
 * uploads that take a second. Resolves once the accounts for them are made.
 */
export async function startLoad(
  asker: Asker,
  urlOf: () => string,
  { perSecond, random }: { perSecond: number; random: () => number },
): Promise<Load> {
  const accounts: Account[] = [];
  for (let each = 0; each < accountCount; each++) accounts.push(await register(asker, urlOf(), each));
  const refused: Sent[] = [];
  const statuses: Record<string, number> = {};
  const times: Load['times'] = [];
  const documents: Load['documents'] = new Map();
  const pending = new Set<Promise<void>>();
  const slowestMs: Record<string, number> = {};
  let number = 0;
  let sentInAll = 0;
  let isStopped = false;

  type Send = (api: string, account: Account) => Promise<TimedAnswer>;
  const kinds: Record<string, { share: number; wanted: number; send: Send }> = {
    'read with a key': { share: 0.5, wanted: 200, send: (api, { key }) => asker.ask(`${api}/me`, 'GET', { key }) },
    'read with a token': {
      share: 0.2,
      wanted: 200,
      send: (api, { bearer }) => asker.ask(`${api}/me`, 'GET', { bearer }),
    },
    upload: {
      share: 0.28,
      wanted: 201,
      send: (api, { key }) =>
        asker.ask(`${api}/documents/`, 'POST', { key, json: { title: `load ${number++}`, content: `${random()}` } }),
    },
    'slow upload': {
      share: 0.02,
      wanted: 201,
      send: async (api, { key }) => {
        const boundary = 'pieces-of-one-file';
        const content = `${random()} `.repeat(2_000);
        const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${number++}.txt"\r\n\r\n`;
        const body = Buffer.from(`${head}${content}\r\n--${boundary}--\r\n`);
        const answer = await asker.ask(`${api}/documents/`, 'POST', {
          key,
          headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}`, 'Content-Length': `${body.length}` },
          pieces: slowly(body),
        });
        const isWhole = answer.status !== 201 || answer.json.sha256 === hash('sha256', content);
        return isWhole ? answer : { ...answer, status: 0, fault: 'the document has other bytes' };
      },
    },
  };

  async function sendOne(): Promise<void> {
    let choice = random();
    const [kind, { wanted, send }] = Object.entries(kinds).find(([, { share }]) => {
      choice -= share;
      return choice < 0;
    }) as [string, (typeof kinds)[string]];
    const account = accounts[sentInAll++ % accounts.length];
    assert.ok(account);
    if (performance.now() - account.signedInMs > signInAnewMs) await signInAnew(asker, urlOf(), account);
    const answer = await send(`${urlOf()}/api/v1`, account);
    count(statuses, `${kind}: ${answer.status || 'no answer'}`);
    const tookMs = Math.round(Number(answer.receivedNs - answer.sentNs) / 1e6);
    const isSlow = kind.startsWith('slow');
    const waitedMs = isSlow ? Math.max(0, tookMs - uploadPieces * uploadPieceMs) : tookMs;
    slowestMs[kind] = Math.max(slowestMs[kind] ?? 0, waitedMs);
    if (!isSlow) {
      times.push({ sentNs: answer.sentNs, receivedNs: answer.receivedNs });
    }
    if (answer.status !== wanted) refused.push({ kind, ...answer });
    else if (kind.endsWith('upload')) documents.set(answer.json.id, { sha256: answer.json.sha256, key: account.key });
  }

  const sending = (async () => {
    for (let sent = 0, fromMs = performance.now(); !isStopped; sent++) {
      const earlyMs = fromMs + (sent * 1_000) / perSecond - performance.now();
      if (earlyMs > 0) await delay(earlyMs);
      // A machine that cannot keep up does not send all that it missed at once.
      else if (earlyMs < -1_000) {
        fromMs = performance.now();
        sent = 0;
      }
      const one = sendOne().finally(() => pending.delete(one));
      pending.add(one);
    }
  })();
  return {
    refused,
    statuses,
    times,
    documents,
    key: accounts[0]?.key ?? '',
    slowestMs,
    async stop() {
      isStopped = true;
      await sending;
      await Promise.all(pending);
    },
  };
}

interface Account {
  email: string;
  key: string;
  bearer: string;
  /** By performance.now(). */
  signedInMs: number;
}

async function register(asker: Asker, url: string, number: number): Promise<Account> {
  const email = `load-${number}@example.com`;
  const { status, json, bytes } = await asker.ask(`${url}/api/v1/auth/register`, 'POST', {
    json: { email, password: goodPassword },
  });
  assert.equal(status, 201, String(bytes));
  return { email, key: json.api_key, bearer: json.access_token, signedInMs: performance.now() };
}

/** Leaves the access token as it is when there is no answer; a request some seconds later tries again. */
async function signInAnew(asker: Asker, url: string, account: Account): Promise<void> {
  account.signedInMs += 10_000;
  const { status, json } = await asker.ask(`${url}/api/v1/auth/login`, 'POST', {
    json: { email: account.email, password: goodPassword },
  });
  if (status === 200) Object.assign(account, { bearer: json.access_token, signedInMs: performance.now() });
}

async function* slowly(body: Buffer): AsyncGenerator<Buffer> {
  const size = Math.ceil(body.length / uploadPieces);
  for (let at = 0; at < body.length; at += size) {
    yield body.subarray(at, at + size);
    await delay(uploadPieceMs);
  }
}

/** Returns the documents that are not there as they were when their upload was answered. */
export async function lostDocuments(asker: Asker, url: string, { documents }: Load): Promise<string[]> {
  const lost: string[] = [];
  for (const [id, { sha256, key }] of documents) {
    const { status, json } = await asker.ask(`${url}/api/v1/documents/${id}`, 'GET', { key });
    if (status !== 200 || json.sha256 !== sha256) lost.push(`document ${id} was answered and is lost`);
  }
  return lost;
}

/** Returns the documents of the load that were made more than once: each of its uploads has a title of its own. */
export async function repeatedDocuments(database: DatabaseReader): Promise<string[]> {
  const rows = await database.read('SELECT title FROM documents GROUP BY title HAVING count(*) > 1');
  return rows.map(({ title }) => `${title} was uploaded once and is there twice`);
}
