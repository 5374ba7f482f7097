// Whether reads with a key stay fast while 200 clients make the server hash passwords, for 20 s.
// Wanted: GET p99 ≤ 50 ms at 200 requests/s, no login over 5 s, none lost without an answer.
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { setTimeout as after } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { FloodResult, FloodTask } from './instruments/login-flood.ts';
import { onServer } from './instruments/measured-server.ts';
import { median, quantile } from './instruments/statistics.ts';

const requestsPerSecond = 200;
const floodMs = 20_000;
const idleMs = 5_000;

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** Sends GETs at a steady rate, whatever becomes of the earlier ones. Returns the milliseconds of each from when it was due. */
async function readSteadily(url: string, key: string, forMs: number): Promise<{ ms: number[]; notOk: number }> {
  const ms: number[] = [];
  let notOk = 0;
  const pending: Promise<void>[] = [];
  const startedMs = performance.now();
  for (let sent = 0; sent < (forMs / 1000) * requestsPerSecond; sent++) {
    const dueMs = startedMs + (sent * 1000) / requestsPerSecond;
    const earlyMs = dueMs - performance.now();
    if (earlyMs > 0) await after(earlyMs);
    pending.push(
      new Promise((resolve) => {
        get(`${url}/api/v1/me`, { agent, headers: { 'X-API-Key': key } }, (answer) => {
          answer.resume().on('end', () => {
            ms.push(performance.now() - dueMs);
            if (answer.statusCode !== 200) notOk++;
            resolve();
          });
        }).on('error', () => {
          notOk++;
          resolve();
        });
      }),
    );
  }
  await Promise.all(pending);
  return { ms, notOk };
}

await onServer(async ({ url, apiKey }) => {
  const idle = await readSteadily(url, apiKey, idleMs);
  const task: FloodTask = { url, clients: 200, forMs: floodMs, pauseMs: 100 };
  const worker = new Worker(new URL('./instruments/login-flood.ts', import.meta.url), { workerData: task });
  const finished = once(worker, 'message') as Promise<[FloodResult]>;
  const flooded = await readSteadily(url, apiKey, floodMs);
  const [logins] = await finished;
  await worker.terminate();

  const row = ({ ms, notOk }: { ms: number[]; notOk: number }) => ({
    GETs: ms.length,
    'not 200': notOk,
    'p50 ms': median(ms).toFixed(1),
    'p99 ms': quantile(ms, 0.99).toFixed(1),
    'max ms': Math.max(...ms).toFixed(1),
  });
  console.table({ idle: row(idle), 'during the flood': row(flooded) });
  const overFiveSeconds = logins.answeredMs.filter((ms) => ms > 5_000).length;
  console.table({
    logins: {
      ...logins.statuses,
      'p50 ms': median(logins.answeredMs).toFixed(0),
      'max ms': Math.max(...logins.answeredMs).toFixed(0),
      'over 5 s': overFiveSeconds,
      lost: logins.lost,
      'no Retry-After': logins.withoutRetryAfter,
    },
  });
  const isAsWanted =
    quantile(flooded.ms, 0.99) <= 50 && flooded.notOk === 0 && overFiveSeconds === 0 && logins.lost === 0;
  console.log(`as wanted: ${isAsWanted ? 'yes' : 'no'}`);
});
agent.destroy();
