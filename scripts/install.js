// Installs what package-lock.json names, when node_modules does not hold exactly that already. Runs before `npm start`
// and `npm test` on whatever Node the machine has (18 or newer), so it uses nothing that would itself need installing.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

if (!isInstalled()) {
  process.stderr.write('Installing what Inksong needs (a minute, once) …\n');
  const fault = install();
  if (fault !== null) {
    process.stderr.write(`Inksong could not install its packages: ${fault}\n`);
    process.exit(1);
  }
}

/** Returns what went wrong, or null. */
function install() {
  if (!npmCi()) return 'npm ci failed; its reason stands above.';
  if (!hasItsNode()) return 'the install script of the package "node" did not run (is ignore-scripts set?).';
  if (!hasBundles()) return 'the script "postinstall" did not run.';
  return isInstalled() ? null : 'node_modules is still not what package-lock.json names.';
}

/** Tells whether npm's record of what it installed names the same packages as the lockfile, for this platform. */
function isInstalled() {
  const wanted = readPackages('package-lock.json');
  const installed = readPackages('node_modules/.package-lock.json');
  if (wanted === null || installed === null) return false;
  for (const [path, entry] of Object.entries(installed)) {
    // What the install script of the package "node" fetched for itself.
    if (path.startsWith('node_modules/node/node_modules/')) continue;
    if (entry.optional && wanted[path] === undefined) continue;
    if (!isSame(entry, wanted[path]) || !suitsThisMachine(entry)) return false;
  }
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || path in installed) continue;
    // Of the packages for one platform each, npm installs its own; which C library this machine has is npm's to find out.
    const mayBeAbsent = entry.optional || entry.devOptional || entry.peer;
    if (!mayBeAbsent || (entry.os !== undefined && entry.libc === undefined && suitsThisMachine(entry))) return false;
  }
  // npm writes its record even where a setting such as ignore-scripts kept install scripts from running.
  return hasItsNode() && hasBundles();
}

function isSame(one, other) {
  return (
    other !== undefined &&
    one.version === other.version &&
    one.integrity === other.integrity &&
    one.link === other.link &&
    JSON.stringify(one.dependencies) === JSON.stringify(other.dependencies)
  );
}

function suitsThisMachine({ os, cpu }) {
  return (os ?? [process.platform]).includes(process.platform) && (cpu ?? [process.arch]).includes(process.arch);
}

function hasItsNode() {
  return existsSync(join(root, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node'));
}

/** What scripts/bundle-packages.js made when npm had installed. */
function hasBundles() {
  return existsSync(join(root, 'server/dist/packages/kysely.js'));
}

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), 'utf8')).packages;
  } catch {
    return null;
  }
}

/** Development packages are included whatever NODE_ENV says, since Node 24 itself is one of them. */
function npmCi() {
  const options = ['ci', '--include=dev', '--include=optional', '--loglevel=error', '--no-audit', '--no-fund'];
  const npm = process.env.npm_execpath;
  // npm's own summary goes to standard error: the output of `npm start` is the server's log.
  const stdio = ['ignore', 2, 2];
  const { status } =
    npm === undefined
      ? spawnSync('npm', options, { cwd: root, stdio, shell: process.platform === 'win32' })
      : spawnSync(process.execPath, [npm, ...options], { cwd: root, stdio });
  return status === 0;
}
