import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { compile, compilers, npm, oldestNode, pack, packages, run } from '../../client/test/packing.ts';
import { freePort } from '../../server/src/free-port.ts';
import { bootInksong, temporaryDirectory } from './inksong-server.ts';
import { send } from './request.ts';

const plugin = join(import.meta.dirname, '..');

/** Installs the tarball in an empty project beside this checkout's Fastify, without a network. */
async function install(folder: string, tarball: string): Promise<string> {
  const project = join(folder, 'project');
  mkdirSync(project);
  const dependencies = { '@inksong/fastify': `file:${tarball}` };
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module', private: true, dependencies }));
  await npm(project, 'install', '--offline', '--ignore-scripts', '--legacy-peer-deps');
  mkdirSync(join(project, 'node_modules/@types'), { recursive: true });
  for (const name of ['fastify', '@types/node']) {
    symlinkSync(join(packages, name), join(project, 'node_modules', name));
  }
  return project;
}

const readme = readFileSync(join(plugin, 'README.md'), 'utf8');
const guide = readFileSync(join(plugin, '../docs/fastify.md'), 'utf8');
const samplesIn = (text: string): string[] => [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code);

/** Writes the README's sample to a file, for a port and an Inksong of the test's. Returns its name. */
function writeSample(project: string, inksongUrl: string, port: number): string {
  const [code = '', ...more] = samplesIn(readme);
  assert.deepEqual(more, []);
  writeFileSync(
    join(project, 'sample.ts'),
    code.replace('http://127.0.0.1:8080', inksongUrl).replace('3000', `${port}`),
  );
  return 'sample.ts';
}

test('the sample of the guide is the README’s', () => {
  assert.deepEqual(samplesIn(guide), samplesIn(readme));
});

test('the package, as it would be published', async (t) => {
  const server = await bootInksong(t);
  const account = await server.register('consumer@example.com');
  const folder = temporaryDirectory(t);
  const { tarball, files } = await pack(plugin, folder);
  const project = await install(folder, tarball);
  const port = await freePort('127.0.0.1');
  cpSync(join(plugin, 'test/consumer/flow.ts'), join(project, 'flow.ts'));
  const sources = ['flow.ts', writeSample(project, server.url, port)];

  await t.test('holds its sources, what they were built to, and nothing else', () => {
    const rest = files.filter((path) => !/^(src\/[\w-]+\.ts|dist\/[\w-]+\.(js|d\.ts))$/.test(path)).sort();
    assert.deepEqual(rest, ['README.md', 'package.json']);
    assert.ok(files.includes('dist/index.js') && files.includes('dist/index.d.ts') && files.includes('src/index.ts'));
  });

  for (const [name, tsc] of Object.entries(compilers)) {
    await t.test(`type-checks with ${name}, and refuses what its types forbid`, async () => {
      await compile(tsc, project, sources, ['--noEmit', '--lib', 'es2023', '--preserveSymlinks', 'false']);
    });
  }

  await compile(compilers['TypeScript 7'], project, sources, ['--lib', 'es2023', '--preserveSymlinks', 'false']);
  const env = {
    PATH: process.env.PATH,
    INKSONG_URL: server.url,
    API_KEY: account.apiKey,
    ACCESS_TOKEN: account.accessToken,
  };
  await t.test('does all it promises on Node 20', async () => {
    const { stdout } = await run(await oldestNode(), ['flow.js'], { cwd: project, env });
    assert.match(stdout, /^flow passed on Node 20\./m);
  });
  await t.test('does all it promises on the Node of today', async () => {
    const { stdout } = await run(process.execPath, ['flow.js'], { cwd: project, env });
    assert.match(stdout, /^flow passed on Node /m);
  });

  await t.test('does what the README’s sample says', async (t) => {
    const child = spawn(process.execPath, ['sample.js'], { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    t.after(async () => {
      child.kill('SIGKILL');
      await exited;
    });
    for await (const line of createInterface({ input: child.stdout })) if (line.includes('listening')) break;
    const url = `http://127.0.0.1:${port}`;
    assert.deepEqual((await send(`${url}/health`)).json, { healthy: true });
    const report = await send(`${url}/reports`, { key: account.apiKey });
    assert.deepEqual(report.json, { reports: [], for: account.email, by: 'api_key' });
    assert.equal((await send(`${url}/reports`)).status, 401);
  });
});
