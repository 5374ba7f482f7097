// Measures what a clock decides, one thing after another: reported, never gating.
//   node scripts/measure.js          everything in server/measure/ and dashboard/measure/
//   node scripts/measure.js FILE …   only these files
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { dirname } from 'node:path';

const root = dirname(import.meta.dirname);
const named = process.argv.slice(2);
const files = named.length > 0 ? named : globSync('{server,dashboard}/measure/*.ts', { cwd: root }).sort();
for (const file of files) {
  console.log(`\n${file}`);
  const { status } = spawnSync(process.execPath, [file], { cwd: root, stdio: 'inherit' });
  // A figure that is not as wanted is reported; a measurement that broke is a fault.
  if (status !== 0) process.exitCode = 1;
}
