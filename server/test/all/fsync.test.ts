import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { goodPassword, send } from '../boot.ts';
import { spawnServer } from '../spawn-server.ts';
import { attachStrace } from './strace.ts';

const roundsOfEach = 50;

const folder = mkdtempSync(join(tmpdir(), 'inksong-fsync-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('an answer that confirms a change is written only after the change was synced to disk', async (t) => {
  const server = await spawnServer(t, folder, { LOG_LEVEL: 'error' });
  const api = `${server.url}/api/v1`;
  const password = goodPassword;
  const first = await send(`${api}/auth/register`, 'POST', { json: { email: 'traced@example.com', password } });
  assert.equal(first.status, 201);
  const bearer = first.json.access_token;
  const keyId = (await send(`${api}/api-keys/`, 'GET', { bearer })).json.items[0].id;

  const traceFile = join(folder, 'trace');
  const calls = 'fsync,fdatasync,read,recvfrom,recvmsg,write,writev,pwrite64,pwritev,sendto,sendmsg';
  const strace = await attachStrace(t, server.pid, ['-y', '-s', '160', '-e', `trace=${calls}`, '-o', traceFile]);
  let refreshToken = first.refreshToken ?? '';
  for (let round = 0; round < roundsOfEach; round++) {
    const rotated = await send(`${api}/api-keys/${keyId}/rotate`, 'POST', { bearer });
    assert.equal(rotated.status, 200);
    const refreshed = await send(`${api}/auth/refresh`, 'POST', { refreshToken });
    assert.equal(refreshed.status, 200);
    refreshToken = refreshed.refreshToken ?? '';
    const json = { email: `traced${round}@example.com`, password };
    assert.equal((await send(`${api}/auth/register`, 'POST', { json })).status, 201);
  }
  await strace.detach();
  const answers = judge(joinResumed(readFileSync(traceFile, 'utf8').split('\n')));

  const of = (path: RegExp) => answers.filter((answer) => path.test(answer.request)).length;
  t.diagnostic(`${answers.length} answers traced, ${answers.filter(({ synced }) => !synced).length} before their sync`);
  assert.equal(of(/rotate/), roundsOfEach);
  assert.equal(of(/refresh/), roundsOfEach);
  assert.equal(of(/register/), roundsOfEach);
  assert.deepEqual(
    answers.filter(({ synced }) => !synced),
    [],
  );
});

interface TracedAnswer {
  /** `POST /api/v1/auth/refresh` */
  request: string;
  /** The write-ahead log was written and synced after the request was read, and not written again before the answer. */
  synced: boolean;
}

/** Reads a trace of requests that were sent one after another. */
function judge(trace: readonly string[]): TracedAnswer[] {
  const answers: TracedAnswer[] = [];
  let request: string | null = null;
  let walIs: 'untouched' | 'written' | 'synced' = 'untouched';
  for (const call of trace) {
    const received = /^\d+ +(?:read|recvfrom|recvmsg)\(.*"(POST \/api\/\S+) HTTP/.exec(call)?.[1];
    if (received !== undefined) {
      request = received;
      walIs = 'untouched';
    } else if (/^\d+ +p?writev?(?:64)?\(\d+<[^>]*-wal>/.test(call)) {
      walIs = 'written';
    } else if (/^\d+ +f(?:data)?sync\(\d+<[^>]*-wal>\) += 0$/.test(call)) {
      if (walIs === 'written') walIs = 'synced';
    } else if (request !== null && /^\d+ +(?:writev?|sendto|sendmsg)\(\d+<[^>]*>.*"HTTP\/1\.1 2/.test(call)) {
      answers.push({ request, synced: walIs === 'synced' });
      request = null;
    }
  }
  return answers;
}

/**
 * strace splits a call in two lines when another thread's comes in between. A read or a sync counts from its end and a
 * write from its beginning, so that an overlap is never taken for the right order.
 */
function joinResumed(lines: readonly string[]): string[] {
  const begun = new Map<string, string>();
  return lines.flatMap((line) => {
    const [, begunPid, head] = /^(\d+) +(.*) <unfinished \.\.\.>$/.exec(line) ?? [];
    if (begunPid !== undefined && head !== undefined) {
      if (/^(?:p?write|send)/.test(head)) return [`${begunPid} ${head}`];
      begun.set(begunPid, `${begunPid} ${head}`);
      return [];
    }
    const [, resumedPid, tail] = /^(\d+) +<\.\.\. \w+ resumed>(.*)$/.exec(line) ?? [];
    if (resumedPid === undefined) return [line];
    const start = begun.get(resumedPid);
    begun.delete(resumedPid);
    return start === undefined ? [] : [start + tail];
  });
}
