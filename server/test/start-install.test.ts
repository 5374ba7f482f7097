import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { program, runInksong, temporaryFolder } from './run-inksong.ts';

const checkout = join(import.meta.dirname, '../..');
/** What npm notes of an install. */
const record = join(checkout, 'node_modules/.package-lock.json');
/** What the install script of this project makes. */
const bundle = 'server/dist/packages/kysely.js';

interface Tree {
  root: string;
  lock: { packages: Record<string, Record<string, unknown>> };
  /** Rewrites package-lock.json. */
  saveLock(): void;
  /** Runs scripts/install.js; what it asked npm to do is in `asked`, null when it did not ask. */
  install(
    npm?: 'installs' | 'fails' | 'skips install scripts',
  ): Promise<{ code: number | null; stderr: string; asked: string[] | null }>;
}

/** A folder that looks like this checkout after an install, with an npm that only notes what it was asked. */
function tree(t: TestContext): Tree {
  const root = temporaryFolder(t);
  const path = (...parts: string[]) => join(root, ...parts);
  cpSync(join(checkout, 'scripts/install.js'), path('scripts/install.js'));
  cpSync(join(checkout, 'package-lock.json'), path('package-lock.json'));
  writeFileSync(path('package.json'), '{ "type": "module" }');
  mkdirSync(path('node_modules/node/bin'), { recursive: true });
  cpSync(record, path('node_modules/.package-lock.json'));
  writeFileSync(path('node_modules/node/bin/node'), '');
  mkdirSync(path('server/dist/packages'), { recursive: true });
  writeFileSync(path(bundle), '');
  const lock = JSON.parse(readFileSync(path('package-lock.json'), 'utf8'));
  const asked = path('asked.json');
  const npms = {
    installs: `fs.copyFileSync(${JSON.stringify(record)}, 'node_modules/.package-lock.json');
      fs.mkdirSync('node_modules/node/bin', { recursive: true }); fs.writeFileSync('node_modules/node/bin/node', ''); fs.writeFileSync('${bundle}', '');`,
    fails: 'process.exit(1);',
    'skips install scripts': '',
  };
  return {
    root,
    lock,
    saveLock: () => writeFileSync(path('package-lock.json'), JSON.stringify(lock)),
    async install(npm = 'installs') {
      rmSync(asked, { force: true });
      const script = path('npm.cjs');
      writeFileSync(
        script,
        `const fs = require('node:fs'); fs.writeFileSync(${JSON.stringify(asked)}, JSON.stringify(process.argv.slice(2)));${npms[npm]}`,
      );
      const { code, stderr } = await runInksong(t, [], {
        command: [process.execPath, path('scripts/install.js')],
        environment: { npm_execpath: script },
      });
      return { code, stderr, asked: existsSync(asked) ? JSON.parse(readFileSync(asked, 'utf8')) : null };
    },
  };
}

test('nothing is installed, and nothing said, when node_modules is what the lockfile names', async (t) => {
  const { install } = tree(t);
  assert.deepEqual(await install(), { code: 0, stderr: '', asked: null });
});

test('another version in the lockfile, or a package more, is installed', async (t) => {
  for (const change of [
    ({ lock }: Tree) => Object.assign(lock.packages['node_modules/fastify'] ?? {}, { version: '0.0.1' }),
    ({ lock }: Tree) => Object.assign(lock.packages['node_modules/fastify'] ?? {}, { integrity: 'sha512-other' }),
    ({ lock }: Tree) => Object.assign(lock.packages, { 'node_modules/added': { version: '1.0.0' } }),
    ({ lock }: Tree) => delete lock.packages['node_modules/commander'],
  ]) {
    const changed = tree(t);
    change(changed);
    changed.saveLock();
    const { asked } = await changed.install();
    assert.equal(asked?.[0], 'ci', String(change));
    assert.ok(asked?.includes('--include=dev'), 'Node 24 is a development dependency');
  }
});

test("a missing node_modules, a missing Node in it, missing bundles, or another machine's is installed", async (t) => {
  const nothing = tree(t);
  rmSync(join(nothing.root, 'node_modules/.package-lock.json'));
  await installs(nothing);

  const withoutNode = tree(t);
  rmSync(join(withoutNode.root, 'node_modules/node'), { recursive: true });
  await installs(withoutNode);

  const withoutBundles = tree(t);
  rmSync(join(withoutBundles.root, bundle));
  await installs(withoutBundles);

  const foreign = tree(t);
  const hidden = join(foreign.root, 'node_modules/.package-lock.json');
  const installed = JSON.parse(readFileSync(hidden, 'utf8'));
  const other = Object.entries(foreign.lock.packages).find(
    ([, { os }]) => Array.isArray(os) && !os.includes(process.platform),
  );
  assert.ok(other);
  installed.packages[other[0]] = other[1];
  writeFileSync(hidden, JSON.stringify(installed));
  await installs(foreign);
});

async function installs({ install }: Tree): Promise<void> {
  const { code, stderr, asked } = await install();
  assert.equal(asked?.[0], 'ci');
  assert.equal(code, 0, stderr);
}

test('an install that fails is one sentence and exit code 1', async (t) => {
  const failing = tree(t);
  rmSync(join(failing.root, 'node_modules'), { recursive: true });
  const failed = await failing.install('fails');
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /\nInksong could not install its packages: npm ci failed; [^\n]+\n$/);

  const skipping = tree(t);
  rmSync(join(skipping.root, 'node_modules/node'), { recursive: true });
  const skipped = await skipping.install('skips install scripts');
  assert.equal(skipped.code, 1);
  assert.match(
    skipped.stderr,
    /\nInksong could not install its packages: the install script of the package "node" did not run /,
  );
});

test('a Node that is too old gets a sentence', async (t) => {
  const old = oldNode();
  // Where every Node is new enough, this one pretends.
  const pretend = `data:text/javascript,Object.defineProperty(process,'versions',{value:{node:'22.1.0'}})`;
  const { code, stdout, stderr } = await runInksong(t, ['serve'], {
    command: [old?.path ?? process.execPath, program],
    environment: old ? {} : { NODE_OPTIONS: `--import=${pretend}` },
  });
  assert.equal(code, 1);
  assert.equal(stdout, '');
  const version = old?.version ?? '22.1.0';
  assert.equal(
    stderr,
    `Inksong needs Node 24 or newer; this is ${version}. \`npm start\` in its folder brings its own.\n`,
  );
});

test('a program that was not installed says how that is done', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'server/bin'), { recursive: true });
  cpSync(program, join(folder, 'server/bin/inksong.js'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const { code, stderr } = await runInksong(t, ['serve'], {
    command: [process.execPath, join(folder, 'server/bin/inksong.js')],
  });
  assert.equal(code, 1);
  assert.equal(
    stderr,
    'Inksong is not installed here: `npm ci` in its folder does it, with install scripts allowed.\n',
  );
});

/** Returns the machine's own Node when it is older than 24, else null. */
function oldNode(): { path: string; version: string } | null {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, 'node');
    if (folder.includes('node_modules') || !existsSync(path)) continue;
    const version = execFileSync(path, ['--version'], { encoding: 'utf8' }).trim().slice(1);
    if (Number.parseInt(version, 10) < 24) return { path, version };
  }
  return null;
}
