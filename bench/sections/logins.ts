// Logins a second, and how long a request by key takes while fifty clients do nothing but log in.
import { get, inksong, inksongSettings, keyHeaders, listPath } from '../inksong.ts';
import type { LoadRequest, LoadTask } from '../load/load.ts';
import { startLoadGenerator } from '../load/load-generator.ts';
import type { SectionResult } from '../section.ts';
import { callers, emailOf, password } from '../seed.ts';
import { spreadOf } from '../spread.ts';
import type { Workshop } from '../workshop.ts';

const readsPerSecond = 200;
const floodClients = 50;
/** Two password hashes at a time and some in the queue, far from where it sheds load. */
const loginClients = 8;

export const loginsName = 'inksong-logins';

const logins: LoadRequest[] = Array.from({ length: callers }, (_, caller) => ({
  method: 'POST',
  path: '/api/v1/auth/login',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ email: emailOf(caller), password }),
}));

export async function measureLogins(workshop: Workshop): Promise<SectionResult> {
  const { generator, sizes } = workshop;
  const server = await workshop.start(inksong(loginsName, inksongSettings(await workshop.dataFolder(loginsName))));
  const task = (some: Partial<LoadTask>): LoadTask => ({
    ...{
      port: server.port,
      connections: loginClients,
      requests: logins,
      maxRequests: 100_000,
      requestsPerSecond: null,
    },
    ...{ forMs: sizes.loginMs, ...some },
  });
  const alone = await generator.run(task({}));
  if (Object.keys(alone.statuses).join() !== '200') throw new Error(`Logins: ${JSON.stringify(alone.statuses)}.`);

  const flooding = startLoadGenerator();
  workshop.after(() => flooding.stop());
  const reads = task({
    requests: Array.from({ length: callers }, (_, caller) => get(listPath, keyHeaders(caller))),
    connections: 64,
    forMs: sizes.floodMs,
    requestsPerSecond: readsPerSecond,
  });
  const [read, flood] = await Promise.all([
    generator.run(reads),
    flooding.run(task({ connections: floodClients, forMs: sizes.floodMs })),
  ]);
  if (Object.keys(read.statuses).join() !== '200') throw new Error(`Reads: ${JSON.stringify(read.statuses)}.`);
  await workshop.stop(server);
  const rate = spreadOf([alone.answers / alone.seconds]);
  const perSecond = (answers: number, seconds: number) => spreadOf([answers / seconds]);
  return {
    subjects: [],
    findings: [
      { name: 'logins a second', unit: '/s', ...rate, wanted: { atLeast: 90 } },
      { name: 'by key during a flood of logins: p50', unit: 'ms', ...spreadOf([read.p50Ms]), wanted: null },
      { name: 'by key during a flood of logins: p99', unit: 'ms', ...spreadOf([read.p99Ms]), wanted: { atMost: 50 } },
      { name: 'the flood: answers', unit: '/s', ...perSecond(flood.answers, flood.seconds), wanted: null },
      { name: 'the flood: logins', unit: '/s', ...perSecond(flood.statuses[200] ?? 0, flood.seconds), wanted: null },
    ],
  };
}
