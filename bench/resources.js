// Preloaded into every server that is measured (node --import), so that each tells in the same way what it has used.
// Plain JavaScript: stripping types would load into each what the product, with its compile cache, does not need.
import { subscribe } from 'node:diagnostics_channel';

// A supervisor's workers are told by this that they are; it tells what all of them have used.
const isWorker = process.env.BENCH_SUPERVISED !== undefined;
process.env.BENCH_SUPERVISED = '1';

let credentialReads = 0;
if (process.env.BENCH_COUNTS_READS !== undefined) {
  subscribe('inksong:statement-run', (run) => {
    if (/^select\b.*\b(api_keys|sessions)\b/is.test(run.sql)) credentialReads++;
  });
}

function own() {
  const { user, system } = process.cpuUsage();
  return {
    cpuMicroseconds: user + system,
    residentBytes: process.memoryUsage.rss(),
    peakBytes: process.resourceUsage().maxRSS * 1024,
    credentialReads,
  };
}

async function ofWorkers() {
  const { default: cluster } = await import('node:cluster');
  const answers = Object.values(cluster.workers ?? {}).map(
    (worker) =>
      new Promise((resolve) => {
        const listen = ({ resources }) => {
          if (resources === undefined) return;
          worker.off('message', listen);
          resolve(resources);
        };
        worker.on('message', listen);
        worker.send('resources');
      }),
  );
  return Promise.all(answers);
}

async function ofAll() {
  const total = own();
  for (const used of await ofWorkers()) for (const name of Object.keys(total)) total[name] += used[name];
  return total;
}

process.on('message', async (message) => {
  if (message !== 'resources') return;
  process.send?.(isWorker ? { resources: own() } : await ofAll());
});
if (!isWorker) {
  // A run that is cut short leaves no server behind, and the channel keeps none alive that wants to end.
  process.once('disconnect', () => process.exit(0));
  process.channel?.unref();
}
