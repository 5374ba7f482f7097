import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, symlinkSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');

/** Where this checkout's packages are installed. */
export const packages = join(root, 'node_modules');
export const compilers = {
  'TypeScript 5.9': join(root, 'client/node_modules/typescript/bin/tsc'),
  'TypeScript 7': join(packages, 'typescript/bin/tsc'),
};
export const run = promisify(execFile);

/** Returns the path of a Node of the oldest line that the packages promise: the machine's own, or one installed into this checkout. */
export async function oldestNode(): Promise<string> {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(directory, 'node');
    const { stdout } = await run(path, ['--version']).catch(() => ({ stdout: '' }));
    if (stdout.startsWith('v20.')) return path;
  }
  const folder = join(import.meta.dirname, 'node-20');
  if (!existsSync(join(folder, 'node_modules/node/bin/node'))) await npm(folder, 'ci', '--no-audit', '--no-fund');
  return join(folder, 'node_modules/node/bin/node');
}

/** Builds and packs a package of this checkout in a copy of its folder. Returns the tarball's path and the files in it. */
export async function pack(packageFolder: string, folder: string): Promise<{ tarball: string; files: string[] }> {
  const copy = join(folder, basename(packageFolder));
  cpSync(packageFolder, copy, {
    recursive: true,
    filter: (path) => !['node_modules', 'dist'].includes(basename(path)),
  });
  const own = join(packageFolder, 'node_modules');
  if (existsSync(own)) symlinkSync(own, join(copy, 'node_modules'));
  symlinkSync(packages, join(folder, 'node_modules'));
  const { stdout } = await npm(copy, 'pack', '--json', '--pack-destination', folder);
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('[\n')));
  return { tarball: join(folder, packed.filename), files: packed.files.map(({ path }: { path: string }) => path) };
}

export function npm(directory: string, ...words: string[]) {
  const options = { cwd: directory, maxBuffer: 16 * 1024 ** 2 };
  const path = process.env.npm_execpath;
  return path === undefined ? run('npm', words, options) : run(process.execPath, [path, ...words], options);
}

/** Compiles files of a project strictly; rejects with what the compiler says. */
export async function compile(tsc: string, project: string, files: string[], options: string[]): Promise<void> {
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--skipLibCheck', 'false'];
  const kind = ['--module', 'nodenext', '--target', 'es2023', '--types', 'node', '--preserveSymlinks'];
  await run(process.execPath, [tsc, ...strict, ...kind, ...options, ...files], { cwd: project }).catch((fault) => {
    assert.fail(fault.stdout);
  });
}
