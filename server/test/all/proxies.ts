import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request as requestByHttp } from 'node:http';
import { request as requestByHttps } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { connect as connectByTls } from 'node:tls';
import { freePort } from '../../src/free-port.ts';
import { temporaryDirectory } from '../boot.ts';
import { endWithThisProcess } from '../spawn-server.ts';

export const proxyNames = ['caddy', 'nginx', 'haproxy'] as const;
export type ProxyName = (typeof proxyNames)[number];

interface Program {
  file: string;
  /** What the world would give it, around what a page shows: a certificate, ports of its own, a process that stays. */
  complete: (configuration: string, folder: string, ports: { https: number; http: number }) => string;
  words: (path: string) => string[];
}

const programs: Record<ProxyName, Program> = {
  caddy: {
    file: 'Caddyfile',
    complete: (configuration, _folder, { https, http }) =>
      `{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\thttps_port ${https}\n\thttp_port ${http}\n}\n${configuration}`,
    words: (path) => ['run', '--config', path, '--adapter', 'caddyfile'],
  },
  nginx: {
    file: 'nginx.conf',
    complete: (configuration, folder, { https }) =>
      [
        // Its workers would be another user, to whom the folders of tests are closed.
        ...(process.getuid?.() === 0 ? ['user root;'] : []),
        `daemon off;\npid ${folder}/nginx.pid;\nerror_log stderr;\nevents {}`,
        `http {\naccess_log off;\n${configuration.replaceAll('listen 443', `listen 127.0.0.1:${https}`)}}\n`,
      ].join('\n'),
    words: (path) => ['-c', path],
  },
  haproxy: {
    file: 'haproxy.cfg',
    complete: (configuration, _folder, { https }) =>
      configuration.replaceAll('bind :443', `bind 127.0.0.1:${https}`).replace(/\n*$/, '\n'),
    words: (path) => ['-db', '-f', path],
  },
};

export interface ProxyOptions {
  /** What stands in the configuration, such as `127.0.0.1:8080`, and what it is to be instead. */
  replace?: Record<string, string>;
  /** Where it listens when that is not the page's port 443. */
  port?: number;
}

/**
 * Starts a proxy on a configuration as a page shows it, for https://api.example.com with its certificate in /etc/ssl, and
 * waits until it greets as that host: Caddy listens before it has made its certificate. It is gone when the test ends. Returns its port on 127.0.0.1.
 */
export async function startProxy(
  t: TestContext,
  name: ProxyName,
  configuration: string,
  { replace = {}, port }: ProxyOptions = {},
): Promise<number> {
  const { file, complete, words } = programs[name];
  const folder = temporaryDirectory(t);
  writeCertificate(folder);
  const ports = { https: await freePort('127.0.0.1'), http: await freePort('127.0.0.1') };
  const replaced = Object.entries({ '/etc/ssl': folder, ...replace }).reduce(
    (text, [shown, real]) => text.replaceAll(shown, real),
    configuration,
  );
  writeFileSync(join(folder, file), complete(replaced, folder, ports));
  const child = spawn(name, words(join(folder, file)), {
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
  const listensOn = port ?? ports.https;
  for (const deadline = Date.now() + 20_000; !(await isServing(listensOn)); await setTimeout(10)) {
    assert.ok(child.exitCode === null && Date.now() < deadline, `${name} did not start: ${said}`);
  }
  return listensOn;
}

/** Tells whether what listens at a port greets as the pages' host, or speaks no TLS there. */
async function isServing(port: number): Promise<boolean> {
  const socket = connectByTls({ port, host: '127.0.0.1', servername: 'api.example.com', rejectUnauthorized: false });
  const isUp = await once(socket, 'secureConnect').then(
    () => true,
    ({ code }) => !['ECONNREFUSED', 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR'].includes(code),
  );
  socket.destroy();
  return isUp;
}

/** Tells whether something listens at a port of 127.0.0.1. */
export async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const isUp = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return isUp;
}

let certificate: { pem: string; key: string } | undefined;

/** Writes a certificate for the pages' host name, and both it and its key in one file, as HAProxy wants them. */
function writeCertificate(folder: string): void {
  const [pem, key] = [join(folder, 'api.example.com.pem'), join(folder, 'api.example.com.key')];
  if (!certificate) {
    const subject = ['-subj', '/CN=api.example.com', '-days', '2'];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', pem, ...subject], { stdio: 'ignore' });
    certificate = { pem: readFileSync(pem, 'utf8'), key: readFileSync(key, 'utf8') };
  }
  writeFileSync(key, certificate.key);
  writeFileSync(pem, certificate.pem + certificate.key);
}

export interface ProxiedRequest {
  method?: string;
  /** The whole target: it is sent as it stands. */
  path: string;
  /** An array as a value is sent as so many lines; an array of names and values in turn is sent in its order. */
  headers?: Record<string, string | string[]> | readonly string[];
  /** A stream is sent in chunks. */
  body?: Buffer | string | Readable;
  /** Of the client; not the proxy's own, which is trusted. */
  from?: string;
  /** Whose connections are used again; without one, each request has its own. */
  agent?: Agent;
}

export interface ProxiedAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  /** The body as JSON, or null when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever it expects to be there.
  json: any;
}

/** Sends one request to https://api.example.com, which a proxy on a port of 127.0.0.1 answers for. */
export function askProxy(port: number, request: ProxiedRequest): Promise<ProxiedAnswer> {
  return ask(`https://127.0.0.1:${port}`, request);
}

/** Sends one request for api.example.com to an origin, whoever answers there, and reads the answer to its end. */
export async function ask(
  origin: string,
  { method = 'GET', path, headers = {}, body, from = '127.0.0.2', agent }: ProxiedRequest,
): Promise<ProxiedAnswer> {
  const { protocol, hostname, port } = new URL(origin);
  const request = protocol === 'https:' ? requestByHttps : requestByHttp;
  const sent = request({
    // Without the brackets of IPv6.
    host: hostname.replace(/^\[|\]$/g, ''),
    port,
    localAddress: from,
    servername: 'api.example.com',
    rejectUnauthorized: false,
    agent: agent ?? false,
    method,
    path,
    headers: isLines(headers) ? ['Host', 'api.example.com', ...headers] : { Host: 'api.example.com', ...headers },
  });
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  if (body instanceof Readable) body.pipe(sent);
  else sent.end(body);
  const [answer] = await answered;
  const bytes = await buffer(answer);
  const isJson = /json/.test(answer.headers['content-type'] ?? '');
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    bytes,
    json: isJson && bytes.length > 0 ? JSON.parse(bytes.toString()) : null,
  };
}

function isLines(headers: Record<string, string | string[]> | readonly string[]): headers is readonly string[] {
  return Array.isArray(headers);
}
