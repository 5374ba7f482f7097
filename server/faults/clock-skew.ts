import assert from 'node:assert/strict';
import { globSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { goodPassword } from '../test/boot.ts';
import type { Experiment } from './instruments/experiment.ts';
import { createInstallation } from './instruments/installation.ts';
import { type Node, startNodes } from './instruments/nodes.ts';
import { type Asker, createAsker } from './instruments/timed-request.ts';

/** As libfaketime writes them; the last is a jump back. */
const skews = ['+20m', '-20m', '+1d', '-1h'];
const noticedWithinMs = 30_000;
const requestsWithLimit = 50;
const idleMs = 30 * 24 * 3_600_000;
/** Less than any skew: a node that went by its own clock would judge wrongly. */
const nearMs = 10 * 60_000;

/** Lets the clock of one node jump while it serves. */
export const clockSkew: Experiment<{ skews: number; sessions: number }> = {
  shows: 'a node whose clock is wrong says that it is not ready, and judges sessions by the database’s clock',
  engines: ['postgres'],
  needs: ['libfaketime'],
  small: { skews: 1, sessions: 10 },
  full: { skews: skews.length, sessions: 250 },
  planted: {
    what: 'the age of a session is taken by the node’s own clock',
    file: 'auth/sessions/session-store.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: this is source text.
    replace: "eb('sessions.last_active_at', '>', sql<number>`${now} - ${sql.lit(idleMs)}`)",
    by: "eb('sessions.last_active_at', '>', Date.now() - idleMs)",
  },

  async run(run, size) {
    const [library] = globSync('/usr/lib/*/faketime/libfaketime.so.1');
    if (library === undefined) throw new Error('libfaketime is missing: apt-get install libfaketime');
    const installation = await createInstallation(run, { LOG_LEVEL: 'warn', INKSONG_RATE_LIMIT_API: '1000/min' });
    const clock = join(installation.folder, 'clock');
    const setClock = (skew: string): void => writeFileSync(clock, skew);
    setClock('+0');
    const [skewed] = await startNodes(installation, 1, {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_CACHE_DURATION: '1',
      DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    });
    const [good] = await startNodes(installation, 1);
    assert.ok(skewed && good);
    const asker = createAsker();
    run.after(() => asker.close());
    const account = { email: 'clock@example.com', password: goodPassword };
    const registered = await asker.ask(`${good.url}/api/v1/auth/register`, 'POST', { json: account });
    assert.equal(registered.status, 201, String(registered.bytes));
    const key: string = registered.json.api_key;

    const broken: string[] = [];
    const counts = { skews: 0, 'live sessions accepted': 0, 'expired sessions refused': 0 };
    let slowestNoticeMs = 0;
    for (const skew of skews.slice(0, size.skews)) {
      setClock(skew);
      const noticeMs = await untilReadiness(asker, skewed, 503);
      if (noticeMs === null) broken.push(`${skew}: still ready after ${noticedWithinMs} ms`);
      slowestNoticeMs = Math.max(slowestNoticeMs, noticeMs ?? 0);
      if (!(await untilLogged(skewed, counts.skews + 1))) broken.push(`${skew}: the log says nothing`);
      if ((await asker.ask(`${good.url}/readyz`, 'GET')).status !== 200) broken.push('the other node is not ready');
      for (let session = 0; session < size.sessions; session++) {
        const login = await asker.ask(`${good.url}/api/v1/auth/login`, 'POST', { json: account });
        assert.equal(login.status, 200, String(login.bytes));
        const isOver = session % 2 === 0;
        await installation.change(
          `UPDATE sessions SET last_active_at = ${installation.now} - ?
           WHERE id = (SELECT id FROM sessions ORDER BY created_at DESC, id DESC LIMIT 1)`,
          idleMs + (isOver ? nearMs : -nearMs),
        );
        const { status } = await asker.ask(`${skewed.url}/api/v1/auth/refresh`, 'POST', {
          refreshToken: login.cookie ?? '',
        });
        if (status !== (isOver ? 401 : 200)) {
          broken.push(`${skew}: a session that is ${isOver ? 'over' : 'live'} was answered ${status}`);
        } else counts[isOver ? 'expired sessions refused' : 'live sessions accepted'] += 1;
      }
      for (let request = 0; request < requestsWithLimit; request++) {
        const { status } = await asker.ask(`${skewed.url}/api/v1/me`, 'GET', { key });
        if (status !== 200) broken.push(`${skew}: a key within its limit was answered ${status}`);
      }
      setClock('+0');
      if ((await untilReadiness(asker, skewed, 200)) === null)
        broken.push(`${skew}: not ready with the clock set right`);
      counts.skews += 1;
    }
    return { counts: { ...counts, 'slowest notice, ms': Math.round(slowestNoticeMs) }, broken };
  },
};

/** Returns after how many milliseconds a node's readiness is so, or null when that takes too long. */
async function untilReadiness(asker: Asker, { url }: Node, wanted: number): Promise<number | null> {
  const startedMs = performance.now();
  while (performance.now() - startedMs < noticedWithinMs) {
    if ((await asker.ask(`${url}/readyz`, 'GET')).status === wanted) return performance.now() - startedMs;
    await delay(100);
  }
  return null;
}

/** Returns whether the log has told of a wrong clock so many times; lines are written a little later. */
async function untilLogged({ server }: Node, times: number): Promise<boolean> {
  const told = () => server.outputLines.filter((line) => line.includes("This node's clock is")).length >= times;
  const startedMs = performance.now();
  while (!told() && performance.now() - startedMs < noticedWithinMs) await delay(100);
  return told();
}
