import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, goodPassword, send, unlimited } from '../test/boot.ts';
import { program, startInksong } from '../test/run-inksong.ts';
import type { Experiment, Run } from './instruments/experiment.ts';
import { assertStatus, count } from './instruments/findings.ts';
import { createInstallation } from './instruments/installation.ts';
import { brokenRules, documentsOfOtherBytes } from './instruments/stored-rules.ts';

const diskMegabytes = 64;
const logDiskMegabytes = 1;
/** In which every gathered last use is written once, or fails to be. */
const flushLimitMs = 60_000;
const requestsAfterLogIsFull = 200;

/** Fills the disk under a database, uses the server meanwhile, and frees it again; then the same with the log's disk. */
export const diskFull: Experiment<{ cycles: number }> = {
  shows: 'on a full disk writes are refused as such, reads and key checks go on, and freeing it is all that is needed',
  engines: ['sqlite'],
  needs: ['root, to mount a small disk'],
  small: { cycles: 1 },
  full: { cycles: 10 },
  planted: {
    what: 'a key check writes the last use',
    file: 'auth/api-keys/api-keys.ts',
    replace: 'const { accountId, email, accountCreatedAt, apiKeyId, allowlist } = owner;',
    by: 'const { accountId, email, accountCreatedAt, apiKeyId, allowlist } = owner; await store.saveLastUses([{ id: apiKeyId, at: clock.now(), address }]);',
  },

  async run(run, { cycles }) {
    const broken: string[] = [];
    const statuses: Record<string, number> = {};
    const note = (what: string, answer: Answer, allowed: number[]): void => {
      count(statuses, `${what}: ${answer.status}`);
      const isProblem = answer.headers.get('content-type')?.startsWith('application/problem+json');
      if (!allowed.includes(answer.status) || (answer.status >= 400 && !isProblem)) {
        broken.push(`${what} was answered ${answer.status} ${answer.bytes.subarray(0, 200)}`);
      }
    };
    const folder = mountDisk(run, diskMegabytes);
    const installation = await createInstallation(run, { LOG_LEVEL: 'warn' }, folder);
    const server = await installation.startNode();
    const api = `${server.url}/api/v1`;
    const registered = await send(`${api}/auth/register`, 'POST', {
      json: { email: 'full@example.com', password: goodPassword },
    });
    assertStatus(registered, 201, 'register');
    const bearer: string = registered.json.access_token;
    const keyId: string = (await send(`${api}/api-keys/`, 'GET', { bearer })).json.items[0].id;
    let key: string = registered.json.api_key;
    const documents: string[] = [];
    const content = 'x'.repeat(50_000);

    const upload = async (when: string, allowed: number[]): Promise<Answer> => {
      const answer = await send(`${api}/documents/`, 'POST', { key, json: { title: 'kept', content } });
      note(`upload ${when}`, answer, allowed);
      if (answer.status === 201) documents.push(answer.json.id);
      return answer;
    };
    const rotate = async (when: string, allowed: number[]): Promise<void> => {
      const answer = await send(`${api}/api-keys/${keyId}/rotate`, 'POST', { bearer });
      note(`rotate ${when}`, answer, allowed);
      if (answer.status === 200) key = answer.json.api_key;
    };
    const read = async (when: string): Promise<void> => {
      note(`key check ${when}`, await send(`${api}/me`, 'GET', { key }), [200]);
      note(`token check ${when}`, await send(`${api}/me`, 'GET', { bearer }), [200]);
      note(`list ${when}`, await send(`${api}/documents/`, 'GET', { key }), [200]);
      note(`download ${when}`, await send(`${api}/documents/${documents[0]}/content`, 'GET', { key }), [200]);
    };
    await upload('before', [201]);

    for (let cycle = 0; cycle < cycles; cycle++) {
      const filler = fill(folder);
      // What is left in the log's file takes some more.
      for (;;) if ((await upload('while full', [201, 503, 507])).status !== 201) break;
      const failedFlushes = () => server.outputLines.filter((line) => line.includes('save last uses of keys')).length;
      const before = failedFlushes();
      const deadlineMs = performance.now() + flushLimitMs;
      while (failedFlushes() === before && performance.now() < deadlineMs) {
        fill(folder, filler);
        await read('while full');
        await upload('while full', [201, 503, 507]);
        await rotate('while full', [200, 503, 507]);
        await delay(100);
      }
      if (failedFlushes() === before) broken.push('no flush of last uses failed, so the disk was not full');
      await read('while full');
      rmSync(filler);
      await upload('after freeing', [201]);
      await rotate('after freeing', [200]);
      await read('after freeing');
    }
    for (const id of documents) {
      const answer = await send(`${api}/documents/${id}/content`, 'GET', { key });
      if (String(answer.bytes) !== content) broken.push(`document ${id} is lost`);
    }
    broken.push(...(await brokenRules(installation)), ...(await documentsOfOtherBytes(installation)));
    if ((await server.stop()) !== 0) broken.push('the server did not end in order');
    broken.push(...(await serveWithoutLog(run)));
    return {
      counts: {
        cycles,
        ...statuses,
        'documents kept': documents.length,
        'requests with the log’s disk full': requestsAfterLogIsFull,
      },
      broken,
    };
  },
};

/** Mounts an empty disk of its own that is gone when the run is over. Throws when this user may not. */
function mountDisk(run: Run, megabytes: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'inksong-disk-'));
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
  if (status !== 0) throw new Error(`A small disk could not be mounted, which only root may: ${stderr}`);
  run.after(() => {
    spawnSync('umount', [folder]);
    rmdirSync(folder);
  });
  return folder;
}

/** Fills a disk to the last byte. Returns the file that does it. */
function fill(folder: string, path = join(folder, 'filler')): string {
  const file = openSync(path, 'a');
  try {
    for (const bytes of [1024 * 1024, 4096, 1]) {
      const piece = Buffer.alloc(bytes);
      try {
        while (statfsSync(folder).bavail > 0) writeSync(file, piece);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    }
  } finally {
    closeSync(file);
  }
  return path;
}

/** Serves while its log goes to a disk that is full. Returns what went wrong. */
async function serveWithoutLog(run: Run): Promise<string[]> {
  const logFolder = mountDisk(run, logDiskMegabytes);
  const folder = mkdtempSync(join(tmpdir(), 'inksong-log-'));
  run.after(() => rmSync(folder, { recursive: true, force: true }));
  const server = startInksong(run, ['serve'], {
    environment: { ...unlimited, INKSONG_DATA_DIR: folder, PORT: '0', LOG_FILE: join(logFolder, 'log') },
    command: ['/bin/sh', '-c', 'exec "$0" "$@" >"$LOG_FILE"', process.execPath, program],
  });
  const [, url = ''] = await server.seen(/Inksong is up at (\S+) /);
  const registered = await send(`${url}/api/v1/auth/register`, 'POST', {
    json: { email: 'log@example.com', password: goodPassword },
  });
  fill(logFolder);
  const broken: string[] = [];
  for (let request = 0; request < requestsAfterLogIsFull; request++) {
    const { status } = await send(`${url}/api/v1/documents/`, 'POST', {
      key: registered.json.api_key,
      json: { title: `${request}`, content: 'x' },
    });
    if (status !== 201) broken.push(`with the log's disk full an upload was answered ${status}`);
    // Lines are gathered for a moment before they are written.
    if (request % 50 === 0) await delay(300);
  }
  server.signal('SIGTERM');
  const { code, stderr } = await server.finished;
  if (code !== 0) broken.push(`with the log's disk full the server ended with ${code}: ${stderr}`);
  return broken;
}
