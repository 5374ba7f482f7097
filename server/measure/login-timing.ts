// Whether the time that login and forgot take tells if an e-mail address has an account: 2 × 500 interleaved samples.
// Wanted: medians within 5 %, Mann-Whitney p > 0.01.
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { onServer } from './instruments/measured-server.ts';
import { mannWhitneyP, median, quantile } from './instruments/statistics.ts';

const samplesEach = 500;
const warmUps = 20;

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** Returns the milliseconds from sending a request to the end of its answer. Throws unless it has this status. */
function timePost(url: string, body: object, wanted: number): Promise<number> {
  const bytes = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(bytes) };
    const startedMs = performance.now();
    const sent = request(url, { method: 'POST', headers, agent }, (answer) => {
      answer.resume().on('end', () => {
        if (answer.statusCode === wanted) resolve(performance.now() - startedMs);
        else reject(new Error(`${url} answered ${answer.statusCode}`));
      });
    });
    sent.on('error', reject).end(bytes);
  });
}

await onServer(async ({ url, email, dataDirectory }) => {
  const database = new DatabaseSync(join(dataDirectory, 'inksong.db'), { timeout: 5_000 });
  // Every sample is a first try: wrong passwords would make the next ones wait.
  const forgetTries = database.prepare('DELETE FROM limit_counters');
  const rows = [];
  for (const { name, path, body, status } of [
    { name: 'login', path: '/auth/login', body: { password: 'not the password at all' }, status: 401 },
    { name: 'forgot', path: '/auth/password/forgot', body: {}, status: 202 },
  ]) {
    const times: Record<'known' | 'unknown', number[]> = { known: [], unknown: [] };
    for (let sample = -warmUps; sample < samplesEach; sample++) {
      const order = sample % 2 === 0 ? (['known', 'unknown'] as const) : (['unknown', 'known'] as const);
      for (const kind of order) {
        forgetTries.run();
        const asked = kind === 'known' ? email : `u${String(sample + 1000)}@example.com`.padStart(email.length, 'x');
        const ms = await timePost(`${url}/api/v1${path}`, { email: asked, ...body }, status);
        if (sample >= 0) times[kind].push(ms);
      }
    }
    const [known, unknown] = [median(times.known), median(times.unknown)];
    const difference = (known / unknown - 1) * 100;
    const p = mannWhitneyP(times.known, times.unknown);
    rows.push({
      route: name,
      'known median ms': known.toFixed(3),
      'unknown median ms': unknown.toFixed(3),
      'difference %': difference.toFixed(2),
      'known p99 ms': quantile(times.known, 0.99).toFixed(1),
      'unknown p99 ms': quantile(times.unknown, 0.99).toFixed(1),
      'Mann-Whitney p': p.toFixed(4),
      'as wanted': Math.abs(difference) <= 5 && p > 0.01 ? 'yes' : 'no',
    });
  }
  console.table(rows);
  database.close();
});
agent.destroy();
