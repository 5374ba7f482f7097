import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import pino from 'pino';
import { createApp, createServices, type Services } from '../src/app.ts';
import { type Config, readConfig } from '../src/config/config.ts';
import { migrate } from '../src/database/migrate.ts';
import type { HttpServer } from '../src/http/server.ts';
import type { TimeLimits } from '../src/http/time-limits.ts';
import { checkAnswer } from './openapi-check.ts';
import { databaseSettings } from './test-database.ts';

/** A password that meets the rules; most tests do not care which. */
export const goodPassword = 'five unrelated words do well';

/** For tests that ask more often than people do; the limits' own tests set them. */
export const unlimited = {
  INKSONG_RATE_LIMIT_AUTH: 'off',
  INKSONG_RATE_LIMIT_REFRESH: 'off',
  INKSONG_RATE_LIMIT_API: 'off',
};

export interface CallOptions {
  key?: string;
  bearer?: string;
  /** The refresh token, sent as its cookie. */
  refreshToken?: string;
  json?: unknown;
  body?: NonNullable<RequestInit['body']>;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  headers: Headers;
  bytes: Buffer;
  /** The body as JSON, or null when it is none. Typed loosely: tests assert on it. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever it expects to be there.
  json: any;
  /** The refresh token this answer set, null when it set none, '' when it cleared the cookie. */
  refreshToken: string | null;
}

export interface TestAccount {
  id: string;
  email: string;
  password: string;
  apiKey: string;
  apiKeyId: string;
  accessToken: string;
  sessionId: string;
  refreshToken: string;
}

export interface TestServer {
  /** `http://127.0.0.1:PORT` */
  url: string;
  config: Config;
  /** What another process needs to stand on the same database and data folder. */
  environment: Record<string, string>;
  services: Services;
  app: HttpServer;
  /** Every log line so far, unparsed. */
  logLines: string[];
  /** Sends one request below /api/v1 (or to an absolute path) and checks the answer against /openapi.json. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  register(email?: string): Promise<TestAccount>;
  login(account: Pick<TestAccount, 'email' | 'password'>): Promise<{ accessToken: string; refreshToken: string }>;
  close(): Promise<void>;
}

/** Returns an empty folder that is gone when the test ends. */
export function temporaryDirectory(t: Pick<TestContext, 'after'>): string {
  const directory = mkdtempSync(join(tmpdir(), 'inksong-test-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Boots the real app on a fresh database and a free port; it is gone when the test ends. */
export async function bootServer(
  t: Pick<TestContext, 'after'>,
  environment: Record<string, string> = {},
  timeLimits?: TimeLimits,
): Promise<TestServer> {
  const dataDirectory = environment.INKSONG_DATA_DIR ?? temporaryDirectory(t);
  const database = await databaseSettings(t, dataDirectory);
  const config = readConfig({ ...unlimited, INKSONG_DATA_DIR: dataDirectory, ...database, ...environment });
  const logLines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void logLines.push(line) });
  const services = createServices(config, log);
  await migrate(services.database);
  const app = await createApp(config, services, log, timeLimits);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });

  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    app.server.closeAllConnections();
    await app.close();
    await services.database.close();
  };
  t.after(close);

  let registered = 0;
  const call: TestServer['call'] = async (method, path, options = {}) => {
    const answer = await send(
      path.startsWith('/api/') || !isApiPath(path) ? url + path : `${url}/api/v1${path}`,
      method,
      options,
    );
    checkAnswer(app, method, path.startsWith('/api/') || !isApiPath(path) ? path : `/api/v1${path}`, answer);
    return answer;
  };
  return {
    url,
    config,
    environment: { INKSONG_DATA_DIR: dataDirectory, ...database },
    services,
    app,
    logLines,
    close,
    call,
    async register(email = `person${++registered}@example.com`) {
      const answer = await call('POST', '/auth/register', { json: { email, password: goodPassword } });
      if (answer.status !== 201) throw new Error(`register answered ${answer.status} ${answer.bytes}`);
      const accessToken: string = answer.json.access_token;
      const [key] = (await call('GET', '/api-keys/', { bearer: accessToken })).json.items;
      const me = await call('GET', '/me', { bearer: accessToken });
      return {
        id: answer.json.account.id,
        email,
        password: goodPassword,
        apiKey: answer.json.api_key,
        apiKeyId: key.id,
        accessToken,
        sessionId: me.json.session_id,
        refreshToken: answer.refreshToken ?? '',
      };
    },
    async login({ email, password }) {
      const answer = await call('POST', '/auth/login', { json: { email, password } });
      if (answer.status !== 200) throw new Error(`login answered ${answer.status} ${answer.bytes}`);
      return { accessToken: answer.json.access_token, refreshToken: answer.refreshToken ?? '' };
    },
  };
}

/** Returns the SQLite file of a server; throws on another engine. */
export function databaseFile({ config: { database } }: Pick<TestServer, 'config'>): string {
  if (database.engine !== 'sqlite') throw new Error('This test is about SQLite’s file.');
  return database.path;
}

/** Paths are below /api/v1 unless they are one of the few outside it. */
function isApiPath(path: string): boolean {
  return !/^\/(healthz|readyz|openapi\.json|docs|$)/.test(path);
}

/** Sends one request to a full URL. */
export async function send(url: string, method: string, options: CallOptions = {}): Promise<Answer> {
  const headers = new Headers(options.headers);
  if (options.key !== undefined) headers.set('X-API-Key', options.key);
  if (options.bearer !== undefined) headers.set('Authorization', `Bearer ${options.bearer}`);
  if (options.refreshToken !== undefined) headers.set('Cookie', `__Host-inksong_refresh=${options.refreshToken}`);
  if (options.json !== undefined) headers.set('Content-Type', 'application/json');
  const body = options.json === undefined ? options.body : JSON.stringify(options.json);
  const response = await fetch(url, { method, headers, ...(body !== undefined && { body }), redirect: 'manual' });
  return toAnswer(response);
}

/** Reads a response to its end. */
export async function toAnswer(response: Response): Promise<Answer> {
  const bytes = Buffer.from(await response.arrayBuffer());
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  const cookie = /^__Host-inksong_refresh=([^;]*)/.exec(response.headers.get('set-cookie') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    bytes,
    json: isJson && bytes.length > 0 ? JSON.parse(bytes.toString()) : null,
    refreshToken: cookie?.[1] ?? null,
  };
}
