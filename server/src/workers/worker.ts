// The program of one worker: started by the supervisor, never by hand. All it needs to know comes in its first order, so
// that one that is started later serves by the same settings as the others, whatever has become of the .env file.
import { once } from 'node:events';
import { enableCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import type { Order, Report } from './message.ts';

const [order] = (await once(process, 'message')) as [Order];
if (order.kind !== 'serve') throw new Error('The first order says what to serve.');
// See thrifty-start.ts.
for (const flag of ['--semi-space-growth-factor=1', '--no-maglev', '--no-turbofan']) setFlagsFromString(flag);
// Where the folder cannot be written, nothing is kept.
enableCompileCache(new URL('../../../node_modules/.cache/inksong', import.meta.url).pathname);

let exitCode = 1;
try {
  const { serveHere } = await import('../main.ts');
  const { roleOf } = await import('./worker-role.ts');
  exitCode = await serveHere(order.config, roleOf(order.worker));
} catch (error) {
  const { explain } = await import('../cli/explain.ts');
  const report: Report = { kind: 'failed', reason: explain(error, order.config) };
  await new Promise((sent) => process.send?.(report, undefined, undefined, sent));
}
// What still holds the event loop open has had its time.
process.exit(exitCode);
