import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { parseEnv } from 'node:util';
import { freePort } from '../../src/free-port.ts';
import { bootServer, goodPassword, temporaryDirectory } from '../boot.ts';
import { Page } from '../samples.ts';
import { endWithThisProcess } from '../spawn-server.ts';

const page = new Page('docs/behind-a-proxy.md');
const samples = {
  env: page.take('Behind a proxy', 'env').code,
  caddy: page.take('Caddy', 'caddy').code,
  nginx: page.take('nginx', 'nginx').code,
  haproxy: page.take('HAProxy', 'haproxy').code,
};

interface Proxy {
  program: string;
  /** Returns the program's arguments, once it has written the page's configuration for these ports. */
  configure: (folder: string, replace: (sample: string) => string, ports: { https: number; http: number }) => string[];
}

const proxies: Record<'caddy' | 'nginx' | 'haproxy', Proxy> = {
  caddy: {
    program: 'caddy',
    configure(folder, replace, { https, http }) {
      // What the world would give it: a certificate, and ports of its own.
      const globals = `{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\thttps_port ${https}\n\thttp_port ${http}\n}\n`;
      writeFileSync(join(folder, 'Caddyfile'), globals + replace(samples.caddy));
      return ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile'];
    },
  },
  nginx: {
    program: 'nginx',
    configure(folder, replace) {
      const main = `daemon off;\npid ${folder}/nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n`;
      writeFileSync(join(folder, 'nginx.conf'), `${main}${replace(samples.nginx)}}\n`);
      return ['-c', join(folder, 'nginx.conf')];
    },
  },
  haproxy: {
    program: 'haproxy',
    configure(folder, replace) {
      writeFileSync(join(folder, 'haproxy.cfg'), replace(samples.haproxy));
      return ['-db', '-f', join(folder, 'haproxy.cfg')];
    },
  },
};

/** Writes a certificate for the page's host name, and both it and its key in one file, as HAProxy wants them. */
function writeCertificate(folder: string): void {
  const [pem, key] = [join(folder, 'api.example.com.pem'), join(folder, 'api.example.com.key')];
  const subject = ['-subj', '/CN=api.example.com', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', pem, ...subject], {
    stdio: 'ignore',
  });
  writeFileSync(pem, readFileSync(pem, 'utf8') + readFileSync(key, 'utf8'));
}

async function startProxy(t: TestContext, { program, configure }: Proxy, upstream: string): Promise<number> {
  const folder = temporaryDirectory(t);
  // nginx's workers are another user.
  chmodSync(folder, 0o755);
  writeCertificate(folder);
  const ports = { https: await freePort('127.0.0.1'), http: await freePort('127.0.0.1') };
  const replace = (sample: string) =>
    sample
      .replaceAll('/etc/ssl', folder)
      .replaceAll('127.0.0.1:8080', upstream)
      .replace('listen 443', `listen 127.0.0.1:${ports.https}`)
      .replace('bind :443', `bind 127.0.0.1:${ports.https}`);
  const child = spawn(program, configure(folder, replace, ports), {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  });
  endWithThisProcess(child);
  let said = '';
  child.stderr.on('data', (piece) => {
    said += piece;
  });
  const exited = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  for (const deadline = Date.now() + 20_000; ; ) {
    const socket = connect(ports.https, '127.0.0.1');
    const isUp = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isUp) return ports.https;
    assert.ok(child.exitCode === null && Date.now() < deadline, `${program} did not start: ${said}`);
  }
}

for (const [name, proxy] of Object.entries(proxies)) {
  test(`with the page's configuration ${name} hands on who asks, large documents, and nothing that a caller made up`, async (t) => {
    const server = await bootServer(t, { ...parseEnv(samples.env) } as Record<string, string>);
    const port = await startProxy(t, proxy, new URL(server.url).host);
    const ask = async (method: string, path: string, headers: Record<string, string>, body?: Buffer | string) => {
      const sent = request({
        port,
        host: '127.0.0.1',
        // Not the proxy's own address, which is trusted.
        localAddress: '127.0.0.2',
        servername: 'api.example.com',
        rejectUnauthorized: false,
        agent: false,
        method,
        path: `/api/v1${path}`,
        headers: { Host: 'api.example.com', ...headers },
      }).end(body);
      const [answer] = await once(sent, 'response');
      const bytes = await buffer(answer);
      return { status: answer.statusCode, json: bytes.length > 0 ? JSON.parse(bytes.toString()) : null };
    };
    const spoofed = {
      'X-Forwarded-For': '198.51.100.1',
      'X-Real-IP': '198.51.100.2',
      Forwarded: 'for=198.51.100.3;proto=http',
    };

    const { token } = await server.services.accounts.invite('person@example.com');
    const account = { email: 'person@example.com', password: goodPassword, invitation: token };
    const json = { 'Content-Type': 'application/json' };
    const registered = await ask('POST', '/auth/register', { ...json, ...spoofed }, JSON.stringify(account));
    assert.equal(registered.status, 201, JSON.stringify(registered.json));
    const bearer = { Authorization: `Bearer ${registered.json.access_token}` };
    const sessions = await ask('GET', '/auth/sessions/', { ...bearer, ...spoofed });
    assert.deepEqual(
      sessions.json.items.map(({ address }: { address: string }) => address),
      ['127.0.0.2'],
    );

    const key = { 'X-API-Key': registered.json.api_key };
    const form = new FormData();
    form.append('file', new Blob([Buffer.alloc(25 * 1024 * 1024)]), 'large.bin');
    const encoded = new Response(form);
    const type = { 'Content-Type': encoded.headers.get('content-type') ?? '' };
    const stored = await ask('POST', '/documents/', { ...key, ...type }, Buffer.from(await encoded.arrayBuffer()));
    assert.equal(stored.status, 201, JSON.stringify(stored.json));
    assert.equal(stored.json.size, 25 * 1024 * 1024);
  });
}
