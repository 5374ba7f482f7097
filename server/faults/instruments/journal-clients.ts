import assert from 'node:assert/strict';
import { createHash, hash, randomUUID } from 'node:crypto';
import { goodPassword, send } from '../../test/boot.ts';
import { assertStatus, count, type Findings } from './findings.ts';
import type { DatabaseReader } from './installation.ts';

/** A client that does one kind of operation again and again, and remembers what it sent and what was answered. */
export interface Client {
  /** Whatever it needs before its first operation. */
  prepare(api: string): Promise<void>;
  /** Does one operation. Rejects when the server is gone; the operation is then sent and unanswered. */
  operate(api: string): Promise<void>;
  /** Compares the restarted server with the journal since the last check, and makes ready to go on. */
  check(api: string, database: DatabaseReader): Promise<void>;
  /** Compares the server with the whole journal. */
  checkAll(api: string): Promise<void>;
}

interface Registered {
  email: string;
  accountId: string;
  apiKey: string;
  refreshToken: string;
}

async function register(api: string, email: string): Promise<Registered> {
  const answer = await send(`${api}/auth/register`, 'POST', { json: { email, password: goodPassword } });
  assertStatus(answer, 201, 'register');
  return {
    email,
    accountId: answer.json.account.id,
    apiKey: answer.json.api_key,
    refreshToken: answer.refreshToken ?? '',
  };
}

const login = (api: string, email: string) =>
  send(`${api}/auth/login`, 'POST', { json: { email, password: goodPassword } });

const uniqueEmail = (): string => `${randomUUID()}@example.com`;

export function registeringClient({ lost, half, acknowledged, unanswered }: Findings): Client {
  const everyone: Registered[] = [];
  let recent: Registered[] = [];
  let pending: string | null = null;

  const keyWorks = async (api: string, { apiKey, accountId }: Registered): Promise<boolean> => {
    const me = await send(`${api}/me`, 'GET', { key: apiKey });
    return me.status === 200 && me.json.id === accountId;
  };

  return {
    async prepare() {},

    async operate(api) {
      pending = uniqueEmail();
      const registered = await register(api, pending);
      pending = null;
      recent.push(registered);
      everyone.push(registered);
      count(acknowledged, 'register');
    },

    async check(api, database) {
      for (const registered of recent) {
        if (!(await keyWorks(api, registered))) lost.push(`the key of ${registered.email}`);
        if ((await login(api, registered.email)).status !== 200) lost.push(`the login of ${registered.email}`);
      }
      recent = [];
      if (pending === null) return;
      count(unanswered, 'register');
      // Without an answer there is either a whole account or none; that each has its key is read from the file.
      const exists = (await database.read('SELECT 1 FROM accounts WHERE email = ?', pending)).length > 0;
      const { status } = await login(api, pending);
      if (status !== (exists ? 200 : 401)) half.push(`login of the unanswered ${pending}: ${status}`);
      pending = null;
    },

    async checkAll(api) {
      for (const registered of everyone) {
        if (!(await keyWorks(api, registered))) lost.push(`the key of ${registered.email}, at the end`);
      }
    },
  };
}

export function rotatingClient({ lost, half, acknowledged, unanswered }: Findings): Client {
  let account: Registered;
  let accessToken = '';
  let keyId = '';
  /** Every key of the account that was ever shown; the last is the live one. */
  let keys: string[] = [];
  let pending = false;
  let rotations = 0;

  const statusOf = async (api: string, key: string) => (await send(`${api}/me`, 'GET', { key })).status;
  const rotate = async (api: string): Promise<string> => {
    const answer = await send(`${api}/api-keys/${keyId}/rotate`, 'POST', { bearer: accessToken });
    assertStatus(answer, 200, 'rotate');
    return answer.json.api_key;
  };
  const signIn = async (api: string): Promise<void> => {
    const answer = await login(api, account.email);
    assertStatus(answer, 200, 'login');
    accessToken = answer.json.access_token;
  };

  return {
    async prepare(api) {
      account = await register(api, uniqueEmail());
      keys = [account.apiKey];
      await signIn(api);
      keyId = (await send(`${api}/api-keys/`, 'GET', { bearer: accessToken })).json.items[0].id;
    },

    async operate(api) {
      pending = true;
      keys.push(await rotate(api));
      pending = false;
      rotations += 1;
      count(acknowledged, 'rotate');
    },

    async check(api, database) {
      const live = keys.at(-1) ?? '';
      for (const old of keys.slice(0, -1)) {
        if ((await statusOf(api, old)) !== 401) lost.push(`a rotation of ${account.email}: an old key works`);
      }
      const rows = await database.read('SELECT id, hash FROM api_keys WHERE account_id = ?', account.accountId);
      if (rows.length !== 1 || rows[0]?.id !== keyId) half.push(`${account.email} has ${rows.length} key rows`);
      const status = await statusOf(api, live);
      const isRow = rows[0]?.hash === hash('sha256', live);
      if (status !== (isRow ? 200 : 401)) half.push(`the key of ${account.email} answers ${status}`);
      if (!isRow && !pending) lost.push(`a rotation of ${account.email}: the new key does not work`);
      if (!isRow) rotations += 1;

      // The audit row is part of the rotation: neither goes without the other.
      const events = await database.read(
        "SELECT id FROM events WHERE account_id = ? AND kind = 'api_key_rotated'",
        account.accountId,
      );
      if (events.length !== rotations) half.push(`${account.email}: ${rotations} rotations, ${events.length} events`);

      if (pending) count(unanswered, 'rotate');
      pending = false;
      // Whoever got no answer logs in and rotates again.
      await signIn(api);
      keys = [live, await rotate(api)];
      rotations += 1;
      for (const [key, expected] of [[live, 401] as const, [keys[1] ?? '', 200] as const]) {
        if ((await statusOf(api, key)) !== expected)
          half.push(`${account.email}: not ${expected} after rotating again`);
      }
    },

    async checkAll() {},
  };
}

export function refreshingClient({ lost, half, acknowledged, unanswered }: Findings): Client {
  let account: Registered;
  /** Every refresh token of the session, in order; the last is the one to present next. */
  let chain: string[] = [];
  let accessToken = '';
  let pending = false;
  let acknowledgedSinceCheck = false;

  const refresh = (api: string, token: string) => send(`${api}/auth/refresh`, 'POST', { refreshToken: token });
  const current = (): string => chain.at(-1) ?? '';

  return {
    async prepare(api) {
      account = await register(api, uniqueEmail());
      chain = [account.refreshToken];
    },

    async operate(api) {
      pending = true;
      const answer = await refresh(api, current());
      assertStatus(answer, 200, 'refresh');
      pending = false;
      assert.ok(answer.refreshToken);
      chain.push(answer.refreshToken);
      accessToken = answer.json.access_token;
      acknowledgedSinceCheck = true;
      count(acknowledged, 'refresh');
    },

    // Runs within the ten seconds in which an unanswered refresh may be repeated: the driver sees to it.
    async check(api, database) {
      if (acknowledgedSinceCheck) {
        const again = await refresh(api, chain.at(-2) ?? '');
        const same = again.status === 200 && again.refreshToken === current();
        // Had the unanswered refresh used the successor, its parent may no longer be repeated.
        if (!same && !(pending && again.status === 401))
          lost.push(`a refresh of ${account.email} has another successor`);
        const me = await send(`${api}/me`, 'GET', { bearer: accessToken });
        if (me.status !== 200) lost.push(`the access token of ${account.email}`);
      }
      // Presented before the crash without an answer, or never: in both cases it works now, and so does what it gives.
      for (const use of ['repeated', 'next']) {
        const answer = await refresh(api, current());
        if (answer.status !== 200 || !answer.refreshToken) {
          lost.push(`the refresh token of ${account.email}, ${use}: ${answer.status}`);
          break;
        }
        chain.push(answer.refreshToken);
      }
      const rows = await database.read(
        'SELECT t.hash, t.used_at FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id WHERE s.account_id = ?',
        account.accountId,
      );
      const unused = rows.filter((row) => row.used_at === null).map((row) => row.hash);
      if (unused.length !== 1 || unused[0] !== hash('sha256', current())) {
        half.push(`${account.email} has ${unused.length} unused refresh tokens`);
      }
      const known = new Set(rows.map((row) => row.hash));
      if (!chain.every((token) => known.has(hash('sha256', token)))) lost.push(`a refresh token of ${account.email}`);
      if (rows.length !== chain.length) half.push(`${account.email}: ${chain.length} tokens, ${rows.length} rows`);
      if (pending) count(unanswered, 'refresh');
      pending = false;
      acknowledgedSinceCheck = false;
    },

    async checkAll() {},
  };
}

interface Uploaded {
  id: string;
  sha256: string;
}

/** Several chunk rows each, the last of them of any length. */
const smallestUpload = 500 * 1024;
const largestUpload = 700 * 1024;

export function uploadingClient({ lost, half, acknowledged, unanswered }: Findings, random: () => number): Client {
  let account: Registered;
  const everything: Uploaded[] = [];
  let recent: Uploaded[] = [];
  let pending: string | null = null;

  const digestOf = (bytes: Buffer): string => hash('sha256', bytes);
  /** Returns the SHA-256 of what comes, or what came instead. */
  const download = async (api: string, id: string): Promise<string> => {
    try {
      const answer = await send(`${api}/documents/${id}/content`, 'GET', { key: account.apiKey });
      return answer.status === 200 ? digestOf(answer.bytes) : String(answer.status);
    } catch (error) {
      // The server breaks off where the next bytes should be and are not.
      if (error instanceof TypeError) return 'cut off';
      throw error;
    }
  };

  return {
    async prepare(api) {
      account = await register(api, uniqueEmail());
    },

    async operate(api) {
      const size = smallestUpload + Math.floor(random() * (largestUpload - smallestUpload));
      const bytes = createHash('shake256', { outputLength: size }).update(String(random())).digest();
      pending = digestOf(bytes);
      const form = new FormData();
      form.set('file', new Blob([bytes]), `${pending.slice(0, 8)}.bin`);
      const answer = await send(`${api}/documents/`, 'POST', { key: account.apiKey, body: form });
      assertStatus(answer, 201, 'upload');
      const uploaded = { id: answer.json.id, sha256: pending };
      pending = null;
      recent.push(uploaded);
      everything.push(uploaded);
      count(acknowledged, 'upload');
    },

    async check(api, database) {
      for (const { id, sha256 } of recent) {
        if ((await download(api, id)) !== sha256) lost.push(`document ${id}`);
      }
      recent = [];
      const known = new Set(everything.map(({ id }) => id));
      const rows = await database.read('SELECT id FROM documents WHERE account_id = ?', account.accountId);
      for (const id of rows.map((row) => String(row.id)).filter((id) => !known.has(id))) {
        // Not answered, yet there: then it is there whole, and it is the one that was sent.
        const sha256 = await download(api, id);
        if (sha256 !== pending) half.push(`the unanswered document ${id}`);
        everything.push({ id, sha256 });
      }
      if (pending !== null) count(unanswered, 'upload');
      pending = null;
    },

    async checkAll(api) {
      for (const { id, sha256 } of everything) {
        if ((await download(api, id)) !== sha256) lost.push(`document ${id}, at the end`);
      }
    },
  };
}
