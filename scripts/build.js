// Builds what the server hands to browsers, unless it was built from these very files already. Runs before `npm start`
// and `npm test`, on whatever Node the machine has; the builders themselves run on the Node that the project brings.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node = join(root, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node');

/** What is built: from which files and folders, by which command, into which folder. */
const parts = [
  {
    name: 'dashboard',
    sources: ['dashboard', 'client/src', 'client/package.json'],
    command: ['node_modules/vite/bin/vite.js', 'build', 'dashboard', '--logLevel', 'warn'],
    output: 'dashboard/dist',
  },
  {
    name: 'guide',
    // The API reference is made from what the server says of itself.
    sources: ['docs', 'dashboard/src/app/theme.css', 'dashboard/src/app/icon.svg', 'server/src'],
    command: ['docs/site/build.ts'],
    output: 'docs/site/dist',
  },
];
/** Folders of a source that nothing is built from. */
const passedOver = new Set(['dist', 'test', 'measure', 'node_modules', 'decisions']);

for (const { name, sources, command, output } of parts) {
  const record = join(root, output, '.built-from');
  const digest = digestOf([...sources, 'package-lock.json', 'scripts/build.js']);
  if (existsSync(record) && readFileSync(record, 'utf8') === digest) continue;
  process.stderr.write(`Building the ${name} …\n`);
  const { status } = spawnSync(node, command, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) {
    process.stderr.write(`The ${name} could not be built; the reason stands above.\n`);
    process.exit(1);
  }
  writeFileSync(record, digest);
}

/** Returns a digest of the names and bytes of files, whole folders included. */
function digestOf(sources) {
  const hash = createHash('sha256');
  for (const path of sources.flatMap(filesOf)) {
    const bytes = readFileSync(join(root, path));
    hash.update(`${path}\n${bytes.length}\n`).update(bytes);
  }
  return hash.digest('hex');
}

function filesOf(path) {
  if (!existsSync(join(root, path))) return [];
  const entries = readEntries(path);
  if (entries === null) return [path];
  return entries
    .filter((entry) => !passedOver.has(entry))
    .sort()
    .flatMap((entry) => filesOf(`${path}/${entry}`));
}

/** Returns the names in a folder, or null when the path is a file. */
function readEntries(path) {
  try {
    return readdirSync(join(root, path));
  } catch (error) {
    if (error.code === 'ENOTDIR') return null;
    throw error;
  }
}
