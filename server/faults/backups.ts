import { hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { goodPassword, send } from '../test/boot.ts';
import { runInksong } from '../test/run-inksong.ts';
import { spawnServer } from '../test/spawn-server.ts';
import type { Experiment, Run } from './instruments/experiment.ts';
import { assertStatus, seededRandom } from './instruments/findings.ts';
import { createInstallation, type DatabaseReader } from './instruments/installation.ts';
import { brokenRules, documentsOfOtherBytes } from './instruments/stored-rules.ts';

const longestPauseMs = 1_000;
const uploaders = 2;
const rotators = 1;
const uploadBytes = 3_000;
/** Keeps the log from being emptied between two backups, so that one that forgets it is noticed. */
const pauseMs = 40;

/** What was answered, in the order of the answers. */
interface Journal {
  documents: { id: string; sha256: string }[];
  /** By account: every key that was shown. */
  keys: Map<string, string[]>;
  /** Whether a backup is being made; null while this process looks into one, which keeps it from its clients. */
  phase: 'backup' | 'pause' | null;
  /** Milliseconds that each write took that began and ended in one phase. */
  writeMs: Record<'backup' | 'pause', number[]>;
  writes: number;
}

/** Makes backups of a server at work, restores each elsewhere, and compares it with what was answered before it began. */
export const backups: Experiment<{ backups: number }> = {
  shows: 'a backup made while the server works holds all that was answered before it began, whole, and restores',
  engines: ['sqlite', 'postgres'],
  small: { backups: 2 },
  full: { backups: 50 },
  planted: {
    what: 'the database file is copied without its log',
    file: 'database/backup.ts',
    replace: 'if (!(await copyDatabase(source, path)))',
    by: "(await import('node:fs')).copyFileSync(databasePath, path); if (false)",
  },

  async run(run, size) {
    const random = seededRandom(run.seed);
    const installation = await createInstallation(run);
    const server = await installation.startNode();
    const journal: Journal = {
      documents: [],
      keys: new Map(),
      phase: null,
      writeMs: { backup: [], pause: [] },
      writes: 0,
    };
    const working = new AbortController();
    const work = keepWriting(`${server.url}/api/v1`, journal, working.signal);
    const broken: string[] = [];
    let operations = 0;
    let made = 0;
    let restored = 0;
    while (made < size.backups && broken.length === 0) {
      journal.phase = 'pause';
      await Promise.race([delay(random() * longestPauseMs), work]);
      // The first one would else hold nothing.
      while (journal.documents.length < uploaders && !working.signal.aborted) await Promise.race([delay(10), work]);
      const answered = {
        documents: [...journal.documents],
        keys: new Map([...journal.keys].map(([account, keys]) => [account, keys.length])),
      };
      const path = join(installation.folder, `backup-${made}.db`);
      journal.phase = 'backup';
      const backup = await runInksong(run, ['backup', path], {
        environment: {
          INKSONG_DATA_DIR: installation.folder,
          INKSONG_PUBLIC_URL: 'http://localhost',
          ...installation.settings,
        },
      });
      journal.phase = null;
      if (backup.code !== 0) broken.push(`backup ${made}: ${backup.stderr}`);
      else {
        operations += answered.documents.length + [...answered.keys.values()].reduce((sum, n) => sum + n, 0);
        const missing = await lookInto(path, answered.documents);
        const wrong = await restore(run, path, journal, answered);
        if (wrong.length === 0) restored += 1;
        broken.push(...[...missing, ...wrong].map((sentence) => `backup ${made}: ${sentence}`));
        rmSync(path);
      }
      made += 1;
    }
    working.abort();
    await work;
    return {
      counts: {
        backups: made,
        'restored and used': restored,
        'writes meanwhile': journal.writes,
        'operations looked up in them': operations,
        'write p99 while a backup is made, ms': p99(journal.writeMs.backup),
        'write p99 without, ms': p99(journal.writeMs.pause),
      },
      broken,
    };
  },
};

/** Returns the value that 99 of 100 do not exceed, with how many there are. */
function p99(values: readonly number[]): string {
  const sorted = values.toSorted((one, other) => one - other);
  return `${Math.round(sorted[Math.floor(sorted.length * 0.99)] ?? 0)} of ${sorted.length}`;
}

/** Uploads and rotates, until it is told to end. */
async function keepWriting(api: string, journal: Journal, end: AbortSignal): Promise<void> {
  const timed = async <T>(write: () => Promise<T>): Promise<T> => {
    const { phase } = journal;
    const startedMs = performance.now();
    const result = await write();
    if (phase !== null && phase === journal.phase) journal.writeMs[phase].push(performance.now() - startedMs);
    journal.writes += 1;
    return result;
  };
  const register = async (name: string) => {
    const answer = await send(`${api}/auth/register`, 'POST', {
      json: { email: `${name}@example.com`, password: goodPassword },
    });
    assertStatus(answer, 201, 'register');
    return answer.json;
  };
  const upload = async (number: number): Promise<void> => {
    const { api_key: key, account } = await register(`uploader-${number}`);
    journal.keys.set(account.id, [key]);
    for (let turn = 0; !end.aborted; turn++) {
      const content = `${number} ${turn} `.repeat(uploadBytes / 8);
      const answer = await timed(() => send(`${api}/documents/`, 'POST', { key, json: { title: 'x', content } }));
      assertStatus(answer, 201, 'upload');
      journal.documents.push({ id: answer.json.id, sha256: hash('sha256', content) });
      await delay(pauseMs);
    }
  };
  const rotate = async (number: number): Promise<void> => {
    const { api_key: key, account, access_token: bearer } = await register(`rotator-${number}`);
    const keys = [key];
    journal.keys.set(account.id, keys);
    const keyId = (await send(`${api}/api-keys/`, 'GET', { bearer })).json.items[0].id;
    while (!end.aborted) {
      const answer = await timed(() => send(`${api}/api-keys/${keyId}/rotate`, 'POST', { bearer }));
      assertStatus(answer, 200, 'rotate');
      keys.push(answer.json.api_key);
      await delay(pauseMs);
    }
  };
  await Promise.all([
    ...Array.from({ length: uploaders }, (_, number) => upload(number)),
    ...Array.from({ length: rotators }, (_, number) => rotate(number)),
  ]);
}

/** Returns what is wrong inside a backup. */
async function lookInto(path: string, documents: Journal['documents']): Promise<string[]> {
  const file = new DatabaseSync(path, { readOnly: true });
  const reader: DatabaseReader = {
    engine: 'sqlite',
    read: async (sql, ...values) => file.prepare(sql).all(...values),
  };
  try {
    const rows = await reader.read('SELECT id, sha256 FROM documents');
    const stored = new Map(rows.map(({ id, sha256 }) => [id, sha256]));
    const lost = documents.filter(({ id, sha256 }) => stored.get(id) !== sha256);
    return [
      ...lost.map(({ id }) => `document ${id} is not in it`),
      ...(await brokenRules(reader)),
      ...(await documentsOfOtherBytes(reader)).map((id) => `document ${id} has other bytes`),
    ];
  } finally {
    file.close();
  }
}

/** Restores a backup elsewhere and uses it. Returns what is wrong there. */
async function restore(
  run: Run,
  path: string,
  journal: Journal,
  answered: { keys: Map<string, number>; documents: Journal['documents'] },
): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'inksong-restored-'));
  try {
    const environment = { INKSONG_DATA_DIR: folder };
    const { code, stderr } = await runInksong(run, ['restore', path, '--yes'], { environment });
    if (code !== 0) return [`cannot be restored: ${stderr}`];
    const server = await spawnServer(run, folder, { LOG_LEVEL: 'error' });
    const wrong: string[] = [];
    const live: string[] = [];
    for (const [account, count] of answered.keys) {
      const shown = journal.keys.get(account) ?? [];
      const works: string[] = [];
      // Of keys that were replaced before the backup began none may work, and exactly one of the others does.
      for (const key of shown.slice(Math.max(0, count - 3))) {
        if ((await send(`${server.url}/api/v1/me`, 'GET', { key })).status === 200) works.push(key);
      }
      if (works.length !== 1 || shown.indexOf(works[0] ?? '') < count - 1) {
        wrong.push(`${works.length} keys of an account work, the wrong one or not one`);
      }
      live.push(...works);
    }
    for (const { id, sha256 } of answered.documents.slice(-20)) {
      const copies = await Promise.all(
        live.map((key) => send(`${server.url}/api/v1/documents/${id}/content`, 'GET', { key })),
      );
      if (copies.filter(({ status, bytes }) => status === 200 && hash('sha256', bytes) === sha256).length !== 1) {
        wrong.push(`document ${id} cannot be downloaded`);
      }
    }
    await server.kill9();
    return wrong;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
