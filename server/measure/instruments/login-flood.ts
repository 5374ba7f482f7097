// A thread of its own, so that the flood's clients do not take the time of those that are measured.
import { setTimeout as after } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

export interface FloodTask {
  url: string;
  clients: number;
  forMs: number;
  /** Between an answer and that client's next login. */
  pauseMs: number;
}

export interface FloodResult {
  /** Milliseconds of every login that was answered. */
  answeredMs: number[];
  statuses: Record<string, number>;
  withoutRetryAfter: number;
  lost: number;
}

const { url, clients, forMs, pauseMs }: FloodTask = workerData;
const result: FloodResult = { answeredMs: [], statuses: {}, withoutRetryAfter: 0, lost: 0 };
const endMs = performance.now() + forMs;

async function flood(client: number): Promise<void> {
  for (let attempt = 0; performance.now() < endMs; attempt++) {
    const startedMs = performance.now();
    try {
      const answer = await fetch(`${url}/api/v1/auth/login`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ email: `bogus${client}-${attempt}@example.com`, password: 'not a password of anybody' }),
      });
      await answer.arrayBuffer();
      result.answeredMs.push(performance.now() - startedMs);
      result.statuses[answer.status] = (result.statuses[answer.status] ?? 0) + 1;
      if (answer.status >= 429 && !answer.headers.has('retry-after')) result.withoutRetryAfter++;
    } catch {
      result.lost++;
    }
    await after(pauseMs);
  }
}

await Promise.all(Array.from({ length: clients }, (_, client) => flood(client)));
parentPort?.postMessage(result);
