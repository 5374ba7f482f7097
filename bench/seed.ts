import { hash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { SignJWT } from 'jose';
import { createPasswords } from '../server/src/auth/accounts/password.ts';
import { hashApiKey } from '../server/src/auth/api-keys/api-key.ts';
import { createAccessTokens } from '../server/src/auth/sessions/access-token.ts';
import { systemClock } from '../server/src/clock.ts';
import { openDatabase } from '../server/src/database/database.ts';
import type { DatabaseAddress } from '../server/src/database/database-url.ts';
import { migrate } from '../server/src/database/migrate.ts';
import { allowlistText, maxAllowlistEntries } from '../server/src/edge/ip-allowlist.ts';

/** Accounts that call, by turns: more than one, so that nothing is measured that only works for the last caller. */
export const callers = 64;
export const password = 'five unrelated words do well';
const documentsEach = 20;
const rowsAtOnce = 500;

/** The same for every Inksong that is measured. */
export const publicUrl = 'http://localhost:8080';
export const secret = 'a secret of the benchmarks, known to all';

const hex = (text: string, digits: number): string => hash('sha256', text, 'hex').slice(0, digits);
export const accountId = (caller: number): string => `acc_${hex(`account ${caller}`, 32)}`;
export const apiKey = (caller: number): string => `ink_${hex(`key ${caller}`, 48)}`;
export const emailOf = (caller: number): string => `caller${caller}@example.com`;
const sessionId = (caller: number): string => `ses_${hex(`session ${caller}`, 32)}`;
const versionId = (caller: number): string => `ver_${hex(`version ${caller}`, 32)}`;

/** Returns an access token of each caller, valid for 15 minutes. */
export function accessTokens(): Promise<string[]> {
  const tokens = createAccessTokens({ secret, previousSecret: null, issuer: publicUrl, clock: systemClock });
  return Promise.all(
    Array.from({ length: callers }, (_, caller) =>
      tokens.sign({ accountId: accountId(caller), sessionId: sessionId(caller) }),
    ),
  );
}

/** What the hand-written competitor signs with; hex. */
export const handWrittenKey = hash('sha256', 'the key of the hand-written competitor', 'hex');

/** Returns an access token of each caller for the hand-written competitor. */
export function handWrittenTokens(): Promise<string[]> {
  return Promise.all(
    Array.from({ length: callers }, (_, caller) =>
      new SignJWT()
        .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
        .setIssuer(publicUrl)
        .setAudience(publicUrl)
        .setSubject(accountId(caller))
        .setIssuedAt()
        .setExpirationTime('15m')
        .sign(Buffer.from(handWrittenKey, 'hex')),
    ),
  );
}

/** As many entries as a list may have, the last of which is loopback. */
const allowlist = allowlistText([
  ...Array.from({ length: maxAllowlistEntries - 1 }, (_, index) => `10.${index >> 8}.${index & 255}.0/24`),
  '127.0.0.1',
]);

/**
 * Makes a database with accounts, each with a key and, if it calls, with a session and documents.
 * @param now when all of that is to have been made, milliseconds since 1970: two databases of one time answer alike
 */
export async function seed(
  address: DatabaseAddress,
  accounts: number,
  now: number,
  options = { withAllowlists: false },
): Promise<void> {
  const database = openDatabase(address);
  try {
    await migrate(database);
    const passwordHash = await createPasswords().hash(password);
    const insert = async <Row>(rows: Row[], write: (some: Row[]) => Promise<unknown>): Promise<void> => {
      for (let from = 0; from < rows.length; from += rowsAtOnce) await write(rows.slice(from, from + rowsAtOnce));
    };
    await database.transaction(async (trx) => {
      const all = Array.from({ length: accounts }, (_, index) => index);
      const calling = all.slice(0, callers);
      await insert(
        all.map((index) => ({
          id: accountId(index),
          email: emailOf(index),
          password_hash: passwordHash,
          created_at: now,
          disabled_at: null,
        })),
        (rows) => trx.insertInto('accounts').values(rows).execute(),
      );
      await insert(
        all.map((index) => ({ account_id: accountId(index), document_bytes: 0, stored_bytes: 0 })),
        (rows) => trx.insertInto('storage_usage').values(rows).execute(),
      );
      await insert(
        all.map((index) => ({
          id: `key_${hex(`key id ${index}`, 32)}`,
          account_id: accountId(index),
          name: 'Default',
          hash: hashApiKey(apiKey(index)),
          hint: 'ink_1a2b…9f0e',
          created_at: now,
          rotated_at: null,
          last_used_at: null,
          last_used_ip: null,
          allowed_ips: options.withAllowlists ? allowlist : null,
        })),
        (rows) => trx.insertInto('api_keys').values(rows).execute(),
      );
      await insert(calling, (rows) =>
        trx
          .insertInto('sessions')
          .values(
            rows.map((caller) => ({
              id: sessionId(caller),
              account_id: accountId(caller),
              created_at: now,
              authenticated_at: now,
              last_active_at: now,
              ended_at: null,
              address: '127.0.0.1',
              user_agent: 'bench',
            })),
          )
          .execute(),
      );
      await insert(calling, (rows) =>
        trx
          .insertInto('content_versions')
          .values(
            rows.map((caller) => ({
              id: versionId(caller),
              account_id: accountId(caller),
              size: 0,
              released_at: null,
            })),
          )
          .execute(),
      );
      await insert(
        calling.flatMap((caller) =>
          Array.from({ length: documentsEach }, (_, index) => documentOf(caller, index, now)),
        ),
        (rows) => trx.insertInto('documents').values(rows).execute(),
      );
    });
  } finally {
    await database.close();
  }
}

function documentOf(caller: number, index: number, now: number) {
  const name = `document ${caller} ${index}`;
  return {
    id: `doc_${hex(name, 32)}`,
    account_id: accountId(caller),
    title: `Minutes of meeting ${100 + index}`,
    title_search: `minutes of meeting ${100 + index}`,
    filename: `minutes-${100 + index}.md`,
    content_type: 'text/markdown',
    version_id: versionId(caller),
    size: 5_000 + index,
    sha256: hex(name, 64),
    // Of one caller, no two in the same millisecond.
    created_at: now - index * 1_000,
    updated_at: now - index * 1_000,
  };
}

/** Adds so many accounts with a key each to a SQLite file, in two statements. */
export function addAccounts(path: string, count: number): void {
  bulk(path, (file) => {
    const passwordHash = file.prepare('SELECT password_hash AS value FROM accounts LIMIT 1').get()?.value as string;
    file
      .prepare(`
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
        INSERT INTO accounts (id, email, password_hash, created_at)
        SELECT 'acc_' || lower(hex(randomblob(16))), 'more' || i || '@example.com', ?, 1700000000000 + i FROM n
      `)
      .run(count, passwordHash);
    file.exec(`
      INSERT INTO api_keys (id, account_id, name, hash, hint, created_at)
      SELECT 'key_' || lower(hex(randomblob(16))), id, 'Default', lower(hex(randomblob(32))), 'ink_1a2b…9f0e', created_at
      FROM accounts WHERE email LIKE 'more%'
    `);
  });
}

/** Gives one account so many documents in all, the new ones older than those it has. */
export function addDocuments(path: string, caller: number, count: number): void {
  bulk(path, (file) => {
    file
      .prepare(`
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
        INSERT INTO documents
          (id, account_id, title, title_search, filename, content_type, version_id, size, sha256, created_at, updated_at)
        SELECT 'doc_' || lower(hex(randomblob(16))), ?, 'Minutes of meeting ' || (100 + i % 20),
          'minutes of meeting ' || (100 + i % 20), 'minutes-' || (100 + i % 20) || '.md', 'text/markdown', ?, 5000 + i % 20,
          lower(hex(randomblob(32))), ? - i * 1000, ? - i * 1000
        FROM n
      `)
      .run(count - documentsEach, accountId(caller), versionId(caller), Date.now() - 3_600_000, Date.now() - 3_600_000);
  });
}

/** Nobody else has the file open, and it is thrown away when the run ends: nothing has to be safe. */
function bulk(path: string, work: (file: DatabaseSync) => void): void {
  const file = new DatabaseSync(path);
  try {
    file.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; BEGIN');
    work(file);
    file.exec('COMMIT; PRAGMA journal_mode = WAL');
  } finally {
    file.close();
  }
}
