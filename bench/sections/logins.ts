// Logins a second, and how long a request by key takes while fifty clients do nothing but log in.
import { findingOf } from '../finding.ts';
import { get, inksong, inksongSettings, keyHeaders, listPath } from '../inksong.ts';
import type { LoadRequest, LoadTask } from '../load/load.ts';
import { startLoadGenerator } from '../load/load-generator.ts';
import type { SectionResult } from '../section.ts';
import { callers, emailOf, password } from '../seed.ts';
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
      busyPollMs: 0,
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
  return {
    subjects: [],
    findings: [
      findingOf('logins a second', '/s', 'more', [alone.answers / alone.seconds], 90),
      findingOf('by key during a flood of logins: p50', 'ms', 'less', [read.p50Ms]),
      findingOf('by key during a flood of logins: p99', 'ms', 'less', [read.p99Ms], 50),
      findingOf('by key during a flood of logins: requests', '/s', 'more', [read.answers / read.seconds]),
      findingOf('the flood: answers', '/s', 'more', [flood.answers / flood.seconds]),
      findingOf('the flood: logins', '/s', 'more', [(flood.statuses[200] ?? 0) / flood.seconds]),
    ],
  };
}
