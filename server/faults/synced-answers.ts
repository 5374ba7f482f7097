import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { goodPassword, send } from '../test/boot.ts';
import type { Experiment } from './instruments/experiment.ts';
import { assertStatus } from './instruments/findings.ts';
import { createInstallation } from './instruments/installation.ts';
import { attachStrace } from './instruments/strace.ts';

/** Reads from the system calls of a server whether each answer left it after the sync of what it confirms. */
export const syncedAnswers: Experiment<{ rounds: number }> = {
  shows: 'an answer that confirms a change is written only after the change was synced to disk',
  engines: ['sqlite'],
  needs: ['strace'],
  small: { rounds: 50 },
  full: { rounds: 500 },
  planted: {
    what: 'commits are written to the log, but not synced',
    file: 'database/sqlite-file.ts',
    replace: 'let SQLite use its write-ahead log durably.`);\n  }',
    by: "let SQLite use its write-ahead log durably.`);\n  }\n  file.exec('PRAGMA synchronous = NORMAL');",
  },

  async run(run, { rounds }) {
    const installation = await createInstallation(run);
    const server = await installation.startNode();
    const api = `${server.url}/api/v1`;
    const password = goodPassword;
    const first = await send(`${api}/auth/register`, 'POST', { json: { email: 'traced@example.com', password } });
    assertStatus(first, 201, 'register');
    const bearer = first.json.access_token;
    const keyId = (await send(`${api}/api-keys/`, 'GET', { bearer })).json.items[0].id;

    const traceFile = join(installation.folder, 'trace');
    const calls = 'fsync,fdatasync,read,recvfrom,recvmsg,write,writev,pwrite64,pwritev,sendto,sendmsg';
    const strace = await attachStrace(run, server.pid, ['-y', '-s', '160', '-e', `trace=${calls}`, '-o', traceFile]);
    let refreshToken = first.refreshToken ?? '';
    for (let round = 0; round < rounds; round++) {
      assertStatus(await send(`${api}/api-keys/${keyId}/rotate`, 'POST', { bearer }), 200, 'rotate');
      const refreshed = await send(`${api}/auth/refresh`, 'POST', { refreshToken });
      assertStatus(refreshed, 200, 'refresh');
      refreshToken = refreshed.refreshToken ?? '';
      const json = { email: `traced${round}@example.com`, password };
      assertStatus(await send(`${api}/auth/register`, 'POST', { json }), 201, 'register');
    }
    await strace.detach();
    const answers = judge(joinResumed(readFileSync(traceFile, 'utf8').split('\n')));
    const unsynced = answers.filter(({ synced }) => !synced);
    const traced = Object.fromEntries(
      ['rotate', 'refresh', 'register'].map((kind) => [
        `answers to ${kind}`,
        answers.filter(({ request }) => request.endsWith(kind)).length,
      ]),
    );
    return {
      counts: { ...traced, 'before their sync': unsynced.length },
      broken: [
        ...unsynced.map(({ request }) => `the answer to ${request} left before its sync`),
        ...Object.entries(traced)
          .filter(([, count]) => count !== rounds)
          .map(([kind, count]) => `${count} ${kind} were traced, of ${rounds}`),
      ],
    };
  },
};

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
