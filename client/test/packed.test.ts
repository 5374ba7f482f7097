import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { bootServer, temporaryDirectory } from '../../server/test/boot.ts';
import { compile, compilers, npm, oldestNode, pack, packages, run } from './packing.ts';

const client = join(import.meta.dirname, '..');

/** Installs the tarball in an empty project, without a network: what it depends on is packed here too. */
async function install(folder: string, tarball: string): Promise<string> {
  const project = join(folder, 'project');
  mkdirSync(project);
  const dependencies: Record<string, string> = { '@inksong/client': `file:${tarball}` };
  for (const name of ['openapi-fetch', 'openapi-typescript-helpers']) {
    const { stdout } = await npm(join(packages, name), 'pack', '--ignore-scripts', '--pack-destination', folder);
    dependencies[name] = `file:${join(folder, stdout.trim())}`;
  }
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module', private: true, dependencies }));
  await npm(project, 'install', '--offline', '--ignore-scripts');
  for (const name of ['@types/node', 'undici-types']) {
    mkdirSync(join(project, 'node_modules/@types'), { recursive: true });
    symlinkSync(join(packages, name), join(project, 'node_modules', name));
  }
  return project;
}

/** Writes every TypeScript sample of the README to a file of its own. Returns the files' names. */
function writeSamples(project: string): string[] {
  const readme = readFileSync(join(client, 'README.md'), 'utf8');
  return [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code = ''], index) => {
    const name = `sample-${index}.ts`;
    writeFileSync(join(project, name), code);
    return name;
  });
}

async function runFlow(t: TestContext, project: string, node: string): Promise<string> {
  const server = await bootServer(t);
  const env = { PATH: process.env.PATH, INKSONG_URL: server.url };
  const { stdout } = await run(node, ['flow.js'], { cwd: project, env });
  return stdout;
}

test('the package, as it would be published', async (t) => {
  const folder = temporaryDirectory(t);
  const { tarball, files } = await pack(client, folder);
  const project = await install(folder, tarball);
  cpSync(join(client, 'test/consumer/flow.ts'), join(project, 'flow.ts'));
  const samples = writeSamples(project);

  await t.test('holds its sources, what they were built to, and nothing else', () => {
    const rest = files.filter((path) => !/^(src\/[\w-]+\.ts|dist\/[\w-]+\.(js|d\.ts))$/.test(path)).sort();
    assert.deepEqual(rest, ['README.md', 'package.json']);
    assert.ok(files.includes('dist/index.js') && files.includes('dist/index.d.ts') && files.includes('src/index.ts'));
  });

  for (const [name, tsc] of Object.entries(compilers)) {
    await t.test(
      `type-checks with ${name}, as do the README’s samples, with the browser's types and without`,
      async () => {
        assert.ok(samples.length >= 4);
        await compile(tsc, project, ['flow.ts', ...samples], ['--noEmit', '--lib', 'es2023,dom,dom.iterable']);
        await compile(tsc, project, ['flow.ts'], ['--noEmit', '--lib', 'es2023']);
      },
    );
  }

  await compile(compilers['TypeScript 5.9'], project, ['flow.ts'], ['--lib', 'es2023,dom,dom.iterable']);
  await t.test('does all it promises on Node 20', async (t) => {
    assert.match(await runFlow(t, project, await oldestNode()), /^flow passed on Node 20\./m);
  });
  await t.test('does all it promises on the Node of today', async (t) => {
    assert.match(await runFlow(t, project, process.execPath), /^flow passed on Node /m);
  });
});
