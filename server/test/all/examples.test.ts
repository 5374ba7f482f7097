import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { parseEnv, promisify } from 'node:util';
import { operator } from '../../src/auth/actor.ts';
import { freePort } from '../../src/free-port.ts';
import { bootServer, temporaryDirectory } from '../boot.ts';
import { codeBlocks } from '../samples.ts';
import { endWithThisProcess } from '../spawn-server.ts';
import { isListening } from './proxies.ts';

const root = join(import.meta.dirname, '../../..');

type Replace = (text: string) => string;

/** Puts the ports of this test in place of those that the examples name. */
async function portsFor(inksongUrl: string): Promise<{ replace: Replace; service: number; proxy: number }> {
  const [service, proxy] = [await freePort('127.0.0.1'), await freePort('127.0.0.1')];
  const ports: Record<string, string> = { 8080: new URL(inksongUrl).port, 9000: `${service}`, 8000: `${proxy}` };
  return { service, proxy, replace: (text) => text.replace(/\b(8080|9000|8000)\b/g, (port) => ports[port] ?? port) };
}

/** Returns a folder that looks like the root of the source to an example's commands, but for the ports. */
function copyOf(t: TestContext, name: string, replace: Replace): string {
  const folder = temporaryDirectory(t);
  const example = join(folder, 'examples', name);
  mkdirSync(example, { recursive: true });
  cpSync(join(root, 'examples', name), example, { recursive: true });
  for (const file of readdirSync(example)) {
    writeFileSync(join(example, file), replace(readFileSync(join(example, file), 'utf8')));
  }
  symlinkSync(join(root, 'docs'), join(folder, 'docs'));
  return folder;
}

/** Starts a command of a README in a folder and waits until it listens. Returns how to end it, with its exit code. */
async function start(t: TestContext, command: string, folder: string, port: number): Promise<() => Promise<unknown>> {
  const home = temporaryDirectory(t);
  const child = spawn('sh', ['-c', `exec ${command}`], {
    cwd: folder,
    env: { ...process.env, HOME: home, TMPDIR: home },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  endWithThisProcess(child);
  let said = '';
  child.stderr.on('data', (piece) => {
    said += piece;
  });
  const exited = once(child, 'exit');
  const end = async (): Promise<unknown> => {
    child.kill('SIGTERM');
    return (await exited)[0];
  };
  t.after(end);
  for (const deadline = Date.now() + 20_000; !(await isListening(port)); await setTimeout(10)) {
    assert.ok(child.exitCode === null && Date.now() < deadline, `${command} did not start: ${said}`);
  }
  assert.deepEqual(listeningAddresses(port), ['0100007F'], `${command} listens elsewhere than on 127.0.0.1`);
  return end;
}

/** Returns the addresses of this machine on which something listens at a port, as /proc/net writes them. */
function listeningAddresses(port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return ['tcp', 'tcp6'].flatMap((family) =>
    [...readFileSync(`/proc/net/${family}`, 'utf8').matchAll(/^ *\d+: ([\dA-F]+):([\dA-F]{4}) \S+ 0A /gm)]
      .filter(([, , hex]) => hex === wanted)
      .map(([, address = '']) => address),
  );
}

/** Runs a curl command of a README. Returns the status and the body of its answer. */
async function curl(command: string, apiKey: string): Promise<{ status: number; body: string }> {
  const env = { PATH: process.env.PATH, INKSONG_API_KEY: apiKey };
  const { stdout } = await promisify(execFile)('sh', ['-c', `${command} -sS -m 20`], { env });
  const [, status, body = ''] = /^HTTP\/1\.1 (\d+) .*?\r\n\r\n(.*)$/s.exec(stdout) ?? [];
  return { status: Number(status), body };
}

/** Returns the commands of an example's README: those that start something, and those that try it. */
function commandsOf(
  name: string,
  replace: Replace,
): { settings: Record<string, string>; starts: string[]; tries: string[] } {
  const [first, second, ...more] = codeBlocks(`examples/${name}/README.md`);
  assert.ok(first?.language === 'sh' && second?.language === 'sh' && more.length === 0);
  const lines = (code: string): string[] => replace(code).trimEnd().split('\n');
  const [inksong = '', ...starts] = lines(first.code);
  const [, settings = ''] = /^(\w+=\S+) npm start$/.exec(inksong) ?? [];
  return { settings: parseEnv(settings) as Record<string, string>, starts, tries: lines(second.code) };
}

for (const name of ['nginx', 'caddy']) {
  test(`somebody else's API behind ${name}: the commands of the example do what it says`, async (t) => {
    const { settings } = commandsOf(name, (text) => text);
    const inksong = await bootServer(t, settings);
    const { id, apiKeyId, apiKey } = await inksong.register();
    const { replace, service, proxy } = await portsFor(inksong.url);
    const { starts, tries } = commandsOf(name, replace);
    const folder = copyOf(t, name, replace);
    const [serve = '', guard = '', ...more] = starts;
    assert.deepEqual(more, []);
    await start(t, serve, folder, service);
    const end = await start(t, guard, folder, proxy);

    const [without = '', withKey = ''] = tries;
    assert.equal((await curl(without, apiKey)).status, 401);
    const page = { status: 200, body: readFileSync(join(root, 'docs/quickstart.md'), 'utf8') };
    assert.deepEqual(await curl(withKey, apiKey), page);
    const { secret } = await inksong.services.apiKeys.rotate(id, apiKeyId, null, operator);
    assert.equal((await curl(withKey, apiKey)).status, 401);
    assert.deepEqual(await curl(withKey, secret), page);
    await inksong.services.apiKeys.update(id, apiKeyId, { allowed_ips: ['192.0.2.7'] }, operator);
    assert.equal((await curl(withKey, secret)).status, 403);
    await inksong.services.apiKeys.update(id, apiKeyId, { allowed_ips: null }, operator);
    assert.deepEqual(await curl(withKey, secret), page);
    await inksong.close();
    assert.match(String((await curl(withKey, secret)).status), /^50[23]$/);
    assert.equal(await end(), 0);
  });
}

test('a Fastify API with both schemes: the commands of the example do what it says', async (t) => {
  const { settings } = commandsOf('fastify', (text) => text);
  const inksong = await bootServer(t, settings);
  const { apiKey } = await inksong.register();
  const { replace, proxy: port } = await portsFor(inksong.url);
  const { starts, tries } = commandsOf('fastify', replace);
  const [serve = '', ...more] = starts;
  assert.deepEqual(more, []);
  await start(t, `env INKSONG_URL=${inksong.url} PORT=${port} ${serve}`, root, port);
  const statuses: number[] = [];
  for (const command of tries) statuses.push((await curl(command, apiKey)).status);
  assert.deepEqual(statuses, [401, 201, 200, 403]);
});

test('the Fastify example asks over https only where the certificate is good', async (t) => {
  const folder = temporaryDirectory(t);
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await promisify(execFile)('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', certificate, ...subject]);
  const inksong = await bootServer(t, { INKSONG_TRUSTED_PROXIES: '127.0.0.1' });
  const { apiKey } = await inksong.register();
  const tls = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (question, answer) => {
    const passed = request(`${inksong.url}${question.url}`, { headers: question.headers }, (response) => {
      answer.writeHead(response.statusCode ?? 0, response.headers);
      response.pipe(answer);
    });
    passed.end();
  });
  t.after(() => {
    tls.closeAllConnections();
    tls.close();
  });
  await once(tls.listen(0, '127.0.0.1'), 'listening');
  const url = `https://127.0.0.1:${(tls.address() as AddressInfo).port}`;
  for (const [trust, status] of [
    ['', 503],
    [`NODE_EXTRA_CA_CERTS=${certificate}`, 200],
  ] as const) {
    const port = await freePort('127.0.0.1');
    await start(t, `env ${trust} INKSONG_URL=${url} PORT=${port} npm start -w examples/fastify`, root, port);
    const command = `curl -i http://127.0.0.1:${port}/orders -H "X-API-Key: $INKSONG_API_KEY"`;
    assert.equal((await curl(command, apiKey)).status, status, trust);
  }
});
