import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { bootServer, type TestAccount, type TestServer } from './boot.ts';
import { checkAnswer } from './openapi-check.ts';
import { exchange, type RawAnswer, rawRequest } from './raw-http.ts';

/** Set INKSONG_TEST_SEED to the printed number to run the very same requests again. */
const seed = Number(process.env.INKSONG_TEST_SEED ?? Date.now() % 2 ** 31);
const sentAtOnce = 8;
const generatedRequests = 2_000;
const rawRequests = 800;
/** Longest that any one request may take, milliseconds; generous, since the machine may be busy. */
const limitMs = 5_000;

interface Schema {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  pattern?: string;
  examples?: unknown[];
}

interface Operation {
  path: string;
  method: string;
  body: Schema | null;
  mediaTypes: string[];
  query: { name: string; schema: Schema }[];
}

function operationsOf(server: TestServer): Operation[] {
  const { paths } = server.app.swagger() as unknown as {
    paths: Record<
      string,
      Record<
        string,
        {
          parameters?: { name: string; in: string; schema: Schema }[];
          requestBody?: { content: Record<string, { schema?: Schema }> };
        }
      >
    >;
  };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]) => ({
      path,
      method: method.toUpperCase(),
      body: requestBody?.content['application/json']?.schema ?? null,
      mediaTypes: Object.keys(requestBody?.content ?? {}),
      query: parameters.filter((parameter) => parameter.in === 'query'),
    })),
  );
}

/** Values that a schema allows. */
function allowed(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(allowed));
  switch (schema.type) {
    case 'object': {
      const model = Object.fromEntries(Object.entries(schema.properties ?? {}).map(([k, each]) => [k, allowed(each)]));
      return fc.record(model, { requiredKeys: schema.required ?? [] });
    }
    case 'array':
      return fc.array(allowed(schema.items ?? {}), { maxLength: 4 });
    case 'string':
      return allowedString(schema);
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -1_000, max: schema.maximum ?? 1_000 });
    case 'number':
      return fc.double({ min: schema.minimum ?? -1e9, max: schema.maximum ?? 1e9, noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.jsonValue();
  }
}

function allowedString({ minLength = 0, maxLength = 200, pattern, examples = [] }: Schema): fc.Arbitrary<string> {
  if (pattern !== undefined && !pattern.includes('\\p')) return fc.stringMatching(new RegExp(pattern));
  const matches = new RegExp(pattern ?? '', 'u');
  const free = fc
    .string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, minLength + 40) })
    .filter((text) => matches.test(text) && text.length >= minLength && text.length <= maxLength);
  const kinds: fc.Arbitrary<string>[] = [free, fc.constant('x'.repeat(maxLength)).filter((text) => matches.test(text))];
  if (examples.length > 0) kinds.push(fc.constantFrom(...(examples as string[])));
  if (examples.some((example) => String(example).includes('@'))) kinds.push(fc.emailAddress());
  return fc.oneof(...kinds);
}

const hostileNames = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'role',
  'accountId',
  'account_id',
  'id',
  'key_hash',
  'verified',
  '',
  '~/',
  'a'.repeat(300),
  '\ud800',
  '\0',
  '$where',
];

const hostileTexts = [
  '',
  ' ',
  '\0',
  '\r\nX-Injected: 1',
  '\u001b[31m',
  '\ud800',
  '\udfff\ud800',
  '\u202e\u2066',
  '\ufeff',
  "' OR '1'='1",
  '"><img src=x onerror=alert(1)>',
  `${'a'.repeat(5_000)}!`,
  `a@${'a'.repeat(5_000)}!`,
  `${'@'.repeat(200)}`,
  'ﷺ'.repeat(300),
  '../../etc/passwd',
  '%s%n%x',
  '{{7*7}}',
];

/** Values that hardly any schema allows. */
const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown[]>(null, true, false, 0, -1, 1.5, 1e308, -0, 2 ** 53, [], {}, [null], [[]]),
  fc.constantFrom<unknown[]>(
    { $ne: '' },
    { $gt: '' },
    ['a@example.com'],
    { length: 1e9 },
    { toString: 'x' },
    { valueOf: 1 },
  ),
  fc.constantFrom(...hostileTexts),
  // Longer than any body but a document's may be.
  fc.integer({ min: 70_000, max: 200_000 }).map((length) => 'x'.repeat(length)),
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.jsonValue({ maxDepth: 4 }),
  fc.constantFrom(...hostileNames).map((name) => Object.fromEntries([[name, { polluted: true }]])),
);

/** A JSON value near the schema: one thing about it is usually wrong. */
function near(schema: Schema): fc.Arbitrary<unknown> {
  const names = Object.keys(schema.properties ?? {});
  const property = names.length > 0 ? fc.constantFrom(...names) : fc.constant('x');
  const object = allowed(schema) as fc.Arbitrary<Record<string, unknown>>;
  return fc.oneof(
    { weight: 3, arbitrary: fc.tuple(object, property, hostileValue).map(([base, k, v]) => ({ ...base, [k]: v })) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(object, property)
        .map(([base, without]) => Object.fromEntries(Object.entries(base).filter(([name]) => name !== without))),
    },
    {
      weight: 2,
      // fromEntries makes `__proto__` a property of its own, as JSON.parse does.
      arbitrary: fc
        .tuple(object, fc.constantFrom(...hostileNames), hostileValue)
        .map(([base, name, value]) => Object.fromEntries([...Object.entries(base), [name, value]])),
    },
    { weight: 1, arbitrary: hostileValue },
  );
}

/** What is done to the bytes of a body that was good JSON. */
const breakages: ((text: string, at: number) => Buffer)[] = [
  (text, at) => Buffer.from(text.slice(0, at % (text.length + 1))),
  (text) => Buffer.from(`\ufeff${text}`),
  (text) => Buffer.from(text, 'utf16le'),
  (text) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]),
  (text) => Buffer.from(text, 'utf16le').swap16(),
  (text, at) => Buffer.from(text).fill(0xff, at % text.length, (at % text.length) + 1),
  (text, at) => Buffer.from(`${text.slice(0, at % text.length)}\0${text.slice(at % text.length)}`),
  (text) => Buffer.from(`${text}${text}`),
  (text) => Buffer.from(text.replace('{', '{"email":"a@example.com","email":"b@example.com",')),
  (text) => Buffer.from(text.replace('{', '{"__proto__":{"polluted":true},')),
  (text) => Buffer.from(text.replace(/:("[^"]*"|[^,}]+)/, ':1e400')),
  (text) => Buffer.from(text.replace(/:("[^"]*"|[^,}]+)/, `:${'9'.repeat(400)}`)),
  (text) => Buffer.from(text.replace(/:("[^"]*"|[^,}]+)/, ':NaN')),
  (text) => Buffer.from(text.replaceAll('"', "'")),
  (text) => Buffer.from(`/* comment */${text}`),
  (text, at) => Buffer.from(text.replace(/:("[^"]*"|[^,}]+)/, `:${'['.repeat(at)}${']'.repeat(at)}`)),
  (_, at) => Buffer.from('{"a":'.repeat(at)),
  (_, at) => Buffer.from('['.repeat(at)),
  (_, at) => Buffer.from(`{${Array.from({ length: at % 5_000 }, (__, index) => `"${index * 65_536}":0`)}}`),
  (text) => Buffer.from(text.replace('"', '"\n')),
  () => Buffer.alloc(0),
  () => Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]),
];

const contentTypes = [
  'application/json; charset=utf-8',
  'application/json; charset=utf-16',
  'application/json; charset=',
  'application/JSON',
  'application/json;',
  'application/json; charset="utf-8"; charset=latin1',
  'application/problem+json',
  'application/vnd.api+json',
  'text/plain',
  'text/plain;charset=UTF-8',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'multipart/form-data; boundary=',
  'multipart/form-data; boundary=x',
  `multipart/form-data; boundary=${'x'.repeat(300)}`,
  'application/octet-stream',
  '*/*',
  '/',
  ';',
  '__proto__',
  'constructor/prototype',
  `application/${'x'.repeat(2_000)}`,
];

function bodyOf({ body, mediaTypes }: Operation): fc.Arbitrary<{ bytes: Buffer; type: string | null }> {
  const schema = body ?? { type: 'object' };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value) ?? '');
  const good = allowed(schema).map((value) => ({ bytes: json(value), type: 'application/json' as string | null }));
  const close = near(schema).map((value) => ({ bytes: json(value), type: 'application/json' }));
  const broken = fc
    .tuple(allowed(schema), fc.constantFrom(...breakages), fc.integer({ min: 1, max: 20_000 }))
    .map(([value, breakage, at]) => ({ bytes: breakage(JSON.stringify(value), at), type: 'application/json' }));
  const oddlyTyped = fc
    .tuple(fc.oneof(good, broken), fc.constantFrom(null, ...contentTypes, ...mediaTypes))
    .map(([{ bytes }, type]) => ({ bytes, type }));
  const multipart = fc
    .tuple(fc.constantFrom('file', 'title', ...hostileNames), fc.constantFrom(...hostileTexts, '\r\n--x--\r\n'))
    .map(([name, text]) => ({
      bytes: Buffer.from(
        `--x\r\nContent-Disposition: form-data; name="${name}"; filename="${text}"\r\nContent-Type: ${text}\r\n\r\n${text}\r\n--x--\r\n`,
      ),
      type: 'multipart/form-data; boundary=x',
    }));
  const nothing = fc.constant({ bytes: Buffer.alloc(0), type: null });
  return body || mediaTypes.length > 0
    ? fc.oneof(
        { weight: 4, arbitrary: good },
        { weight: 4, arbitrary: close },
        { weight: 3, arbitrary: broken },
        { weight: 2, arbitrary: oddlyTyped },
        { weight: 1, arbitrary: multipart },
        { weight: 1, arbitrary: nothing },
      )
    : fc.oneof({ weight: 5, arbitrary: nothing }, { weight: 1, arbitrary: oddlyTyped });
}

const hostileSegments = [
  '%',
  '%00',
  '%zz',
  '%E0%A4%A',
  '%ff%fe',
  '%2e%2e%2f',
  '%252e%252e',
  '..',
  '.',
  '',
  '*',
  ':id',
  '%7Bid%7D',
  '__proto__',
  'constructor',
  '%0d%0aX-Injected:%201',
  "'%20OR%201=1--",
  'a'.repeat(300),
  'a'.repeat(3_000),
  '%F0%9F%98%80',
  'x.css',
  ';a=b',
  'KEY',
];

const hostilePairs = [
  'limit=1&limit=1000',
  'limit=-1',
  'limit=1e9',
  'limit=',
  'limit=99999999999999999999',
  'limit[]=1',
  'cursor=__proto__',
  'cursor=%00',
  'cursor=eyJ9',
  '__proto__[polluted]=1',
  '__proto__.polluted=1',
  'constructor.prototype.polluted=1',
  'access_token=TOKEN',
  'api_key=KEY',
  '%',
  '%E0%A4',
  '=',
  '&&&',
  '??',
  'q=%F0%9F%98%80',
  `q=${'%25'.repeat(500)}`,
  `${'a=b&'.repeat(1_000)}`,
];

const hostileHeaders = [
  '__proto__: 1',
  'constructor: 1',
  'X-HTTP-Method-Override: DELETE',
  'X-Forwarded-For: 127.0.0.1, ::1, junk',
  'X-Forwarded-Proto: https',
  'Forwarded: for="[::1"',
  'Expect: 100-continue',
  'Expect: junk',
  'Upgrade: websocket',
  'Origin: null',
  'Origin: https://evil.example',
  'Sec-Fetch-Site: cross-site',
  'Sec-Fetch-Site: same-origin',
  'Content-Encoding: gzip',
  'Content-Encoding: identity',
  'Content-Encoding: br, gzip',
  'Accept: text/html',
  'Accept: */*;q=x',
  'Accept-Encoding: gzip;q=1e9',
  'If-Match: "',
  'If-Match: *',
  'If-None-Match: W/"x", "y',
  'Range: bytes=0-',
  'Range: bytes=-1,5-,x',
  'Range: bytes=99999999999999999999-',
  `Idempotency-Key: ${'k'.repeat(300)}`,
  'Idempotency-Key: \xff',
  'Cookie: __proto__=1; constructor; =; ;;',
  'Cookie: __Host-inksong_refresh=; __Host-inksong_refresh=x',
  'Cookie: __Host-inksong_refresh=%E0%A4',
  `User-Agent: ${'u'.repeat(5_000)}`,
  // Not refused by the parser: what it refuses is the other test's, and it cannot know that it was a HEAD.
  'User-Agent: \xff\x80',
  'X-Request-Id: chosen-by-the-caller',
  'Trailer: Authorization',
  'TE: trailers',
];

type Credential = 'none' | 'key' | 'bearer' | 'cookie' | 'both' | 'bad key' | 'bad bearer' | 'junk key' | 'junk bearer';

interface FuzzRequest {
  operation: Operation;
  method: string;
  /** Instead of each `{id}`: `own` is one that exists. */
  segment: string;
  form: 'as documented' | 'no slash' | 'doubled slashes' | 'encoded' | 'longer';
  query: string;
  credential: Credential;
  headers: string[];
  body: { bytes: Buffer; type: string | null };
}

function requestOf(operation: Operation): fc.Arbitrary<FuzzRequest> {
  const pair = fc.oneof(
    fc.constantFrom(...hostilePairs),
    ...operation.query.map(({ name, schema }) =>
      fc.oneof(allowed(schema), hostileValue).map((value) => {
        const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
        return `${name}=${encodeURIComponent(text.toWellFormed().slice(0, 2_000))}`;
      }),
    ),
  );
  return fc.record({
    operation: fc.constant(operation),
    method: fc.oneof(
      { weight: 12, arbitrary: fc.constant(operation.method) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'SEARCH', 'CONNECT'],
        ),
      },
    ),
    segment: fc.oneof(
      { weight: 3, arbitrary: fc.constant('own') },
      {
        weight: 1,
        arbitrary: fc
          .tuple(fc.constantFrom('key', 'doc', 'ses', 'acc'), fc.stringMatching(/^[0-9a-f]{32}$/))
          .map(([prefix, digits]) => `${prefix}_${digits}`),
      },
      { weight: 2, arbitrary: fc.constantFrom(...hostileSegments) },
    ),
    form: fc.oneof(
      { weight: 8, arbitrary: fc.constant('as documented' as const) },
      { weight: 2, arbitrary: fc.constant('no slash' as const) },
      { weight: 1, arbitrary: fc.constantFrom('doubled slashes' as const, 'encoded' as const, 'longer' as const) },
    ),
    query: fc.oneof(
      { weight: 3, arbitrary: fc.constant('') },
      { weight: 1, arbitrary: fc.array(pair, { minLength: 1, maxLength: 3 }).map((pairs) => `?${pairs.join('&')}`) },
    ),
    credential: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom<Credential[]>('key', 'bearer') },
      { weight: 1, arbitrary: fc.constantFrom<Credential[]>('none', 'cookie', 'both') },
      { weight: 1, arbitrary: fc.constantFrom<Credential[]>('bad key', 'bad bearer', 'junk key', 'junk bearer') },
    ),
    headers: fc.oneof(
      { weight: 3, arbitrary: fc.constant<string[]>([]) },
      { weight: 1, arbitrary: fc.array(fc.constantFrom(...hostileHeaders), { maxLength: 4 }) },
    ),
    body: bodyOf(operation),
  });
}

function credentialLines(credential: Credential, { apiKey, accessToken, refreshToken }: TestAccount): string[] {
  const lines: Record<Credential, string[]> = {
    none: [],
    key: [`X-API-Key: ${apiKey}`],
    bearer: [`Authorization: Bearer ${accessToken}`],
    cookie: [`Cookie: __Host-inksong_refresh=${refreshToken}`],
    both: [`X-API-Key: ${apiKey}`, `Authorization: Bearer ${accessToken}`],
    'bad key': [`X-API-Key: ink_${'0'.repeat(48)}`],
    'bad bearer': [`Authorization: Bearer ${accessToken.slice(0, -4)}AAAA`],
    'junk key': ['X-API-Key: \x80\xff ink_'],
    'junk bearer': ['Authorization: Bearer %E0%A4 ..'],
  };
  return lines[credential];
}

interface Target {
  account: TestAccount;
  documentId: string;
}

function targetOf({ operation, segment, form, query }: FuzzRequest, { account, documentId }: Target): string {
  const own = operation.path.includes('/documents/')
    ? documentId
    : operation.path.includes('/sessions/')
      ? account.sessionId
      : account.apiKeyId;
  const named = operation.path.replace(/\{\w+\}/g, () => (segment === 'own' ? own : segment));
  const path = {
    'as documented': named,
    'no slash': named.replace(/\/$/, ''),
    'doubled slashes': named.replaceAll('/', '//'),
    encoded: named.replace(/[a-z](?=[^/]*$)/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
    longer: `${named.replace(/\/$/, '')}/x`,
  }[form];
  return (path + query).replaceAll('KEY', account.apiKey).replaceAll('TOKEN', account.accessToken);
}

/** Reports the request that failed, not the thousands of bytes of the eight in its batch. */
function report<T>({ failed, seed, counterexamplePath, errorInstance }: fc.RunDetails<T>): void {
  if (!failed) return;
  throw new Error(`INKSONG_TEST_SEED=${seed} (path ${counterexamplePath})`, { cause: errorInstance });
}

/** Signs of an implementation that shows through. */
const internals =
  /\n\s+at |node:|node_modules|file:\/\/|\.[jt]s:\d|sqlite|kysely|fastify|FST_|HPE_|ERR_[A-Z]|(Type|Range|Syntax|Reference)Error|argon2|\[object|undefined/i;

const isDocumentedFailure = (status: number): boolean => status < 500 || status === 503 || status === 507;

function assertSound(server: TestServer, method: string, target: string | null, answer: RawAnswer): void {
  assert.ok(isDocumentedFailure(answer.status), `${answer.status} ${answer.body}`);
  assert.equal(answer.headers.get('x-injected'), null);
  if (method === 'HEAD') return;
  if (answer.status >= 400) assert.doesNotMatch(String(answer.body), internals);
  // A target that is no plain path is still held to RFC 9457 when it is refused.
  if (target === null && answer.status < 400) return;
  checkAnswer(server.app, method, target ?? '/no-route', {
    ...answer,
    bytes: answer.body,
    json: /json/.test(answer.headers.get('content-type') ?? '') ? jsonOf(answer.body) : null,
    refreshToken: null,
  });
}

/** Returns null for what is no JSON, such as the bytes of a document. */
function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(String(body));
  } catch {
    return null;
  }
}

async function makeTarget(server: TestServer): Promise<Target> {
  const account = await server.register();
  const made = await server.call('POST', '/documents/', { key: account.apiKey, json: { title: 'x', content: 'y' } });
  return { account, documentId: made.json.id };
}

/** Some of what is sent ends the session, replaces the key or deletes the account; then the rest goes on with another. */
async function isAlive(server: TestServer, { account, documentId }: Target): Promise<boolean> {
  const byKey = await server.call('GET', '/me', { key: account.apiKey });
  const byToken = await server.call('GET', '/me', { bearer: account.accessToken });
  if (byKey.status !== 200 || byToken.status !== 200) return false;
  return (
    documentId === null ||
    (await server.call('GET', `/documents/${documentId}`, { key: account.apiKey })).status === 200
  );
}

function assertNothingLeaked(server: TestServer, accounts: TestAccount[]): void {
  const log = server.logLines.join('');
  for (const account of accounts) {
    for (const secret of [account.apiKey, account.accessToken, account.refreshToken, account.password]) {
      assert.ok(secret.length > 20 && !log.includes(secret), `the log holds ${secret}`);
    }
  }
  const faults = server.logLines.filter((line) => line.includes('"internal_error"'));
  assert.deepEqual(faults, []);
  for (const line of server.logLines) JSON.parse(line);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
}

test('2,000 generated requests are each answered in time, by a documented status and a sound body', {
  timeout: 120_000,
}, async (t) => {
  t.diagnostic(`INKSONG_TEST_SEED=${seed}`);
  const server = await bootServer(t);
  const operations = operationsOf(server);
  const statuses = new Map<number, number>();
  const accounts: TestAccount[] = [];
  let target = await makeTarget(server);
  accounts.push(target.account);
  const untouched = (await server.call('GET', '/auth/config')).json;
  let sent = 0;

  const send = async (request: FuzzRequest): Promise<void> => {
    const { operation, method, form, headers, body, credential, segment } = request;
    const url = targetOf(request, target);
    const lines = [
      'Host: localhost',
      'Connection: close',
      ...credentialLines(credential, target.account),
      ...headers,
      ...(body.type === null ? [] : [`Content-Type: ${body.type}`]),
      ...(body.bytes.length === 0 && operation.method === 'GET' ? [] : [`Content-Length: ${body.bytes.length}`]),
    ];
    sent += 1;
    const { answers, rest } = await exchange(server.url, rawRequest(method, url, lines, body.bytes), {
      limitMs,
      method,
    });
    try {
      assert.equal(answers.length, 1, `${answers.length} answers`);
      assert.equal(rest, '');
      const [answer] = answers;
      assert.ok(answer);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      const isPlain = (form === 'as documented' || form === 'no slash') && !/%|^\.*$/.test(segment);
      assertSound(server, method, isPlain ? url : null, answer);
    } catch (error) {
      const shown = body.bytes.subarray(0, 300).toString('latin1');
      throw new Error(`${method} ${url}\n${lines.join('\n')}\n\n${JSON.stringify(shown)}`, { cause: error });
    }
  };

  const batch = fc.array(fc.oneof(...operations.map(requestOf)), { minLength: sentAtOnce, maxLength: sentAtOnce });
  await fc.assert(
    fc.asyncProperty(batch, async (requests) => {
      await Promise.all(requests.map(send));
      assert.deepEqual((await server.call('GET', '/auth/config')).json, untouched);
      if (await isAlive(server, target)) return;
      target = await makeTarget(server);
      accounts.push(target.account);
    }),
    {
      seed,
      numRuns: generatedRequests / sentAtOnce,
      reporter: report,
      interruptAfterTimeLimit: 60_000,
      markInterruptAsFailure: true,
    },
  );

  assert.ok(sent >= generatedRequests, `${sent} sent`);
  t.diagnostic(
    [...statuses]
      .sort()
      .map(([status, count]) => `${status}: ${count}`)
      .join(', '),
  );
  for (const status of [200, 204, 400, 401, 403, 404, 405, 413, 415, 422]) {
    assert.ok(statuses.has(status), `no request was answered ${status}: the generator has gone blunt`);
  }
  assertNothingLeaked(server, accounts);
});

const follow = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

interface RawCase {
  name: string;
  bytes: Buffer;
  /** Refused: one 4xx, and what follows on the connection is not answered. Otherwise each request has one answer. */
  refused: boolean;
  /** What the first answer must be. */
  first?: number;
  /** The sender stops in the middle. */
  cut?: boolean;
}

/** Requests that no client library would send. `follow` is behind each of them, as a smuggler would have it. */
const rawCase: fc.Arbitrary<RawCase> = (() => {
  const login = 'POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\n';
  const get = 'GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\n';
  const text = (name: string, refused: boolean, content: string): RawCase => ({
    name,
    refused,
    bytes: Buffer.from(content + follow, 'latin1'),
  });
  const chunked = '2\r\n{}\r\n0\r\n\r\n';
  const filler = fc.stringMatching(/^[a-z]{1,8}$/);

  return fc.oneof(
    fc
      .tuple(
        fc.constantFrom('chunked', 'Chunked', 'chunked, chunked', 'gzip, chunked', 'identity'),
        fc.nat(60),
        fc.boolean(),
      )
      .map(([coding, length, first]) => {
        const lines = [`Content-Length: ${length}`, `Transfer-Encoding: ${coding}`];
        return text('CL+TE', true, `${login}${(first ? lines : lines.reverse()).join('\r\n')}\r\n\r\n${chunked}`);
      }),
    fc
      .tuple(fc.nat(50), fc.nat(50), fc.constantFrom('Content-Length', 'content-length'))
      .map(([a, b, name]) => text('two CL', true, `${login}Content-Length: ${a}\r\n${name}: ${b}\r\n\r\n{}`)),
    fc
      .constantFrom('1, 1', '+2', '-2', '0x2', '2 2', '1e1', '2;', 'two', '99999999999999999999', '\x0b2', '')
      .map((length) => text('odd CL', true, `${login}Content-Length: ${length}\r\n\r\n{}`)),
    fc
      .constantFrom('xchunked', 'chunked-x', '"chunked"', 'chunked\x0b', 'chunk', 'identity, x', 'chunked, gzip')
      .map((coding) => text('odd TE', true, `${login}Transfer-Encoding: ${coding}\r\n\r\n${chunked}`)),
    fc
      .constantFrom(
        'X-A: b\r\n c',
        'X-A: b\r\n\tX-API-Key: x',
        'Content-Length:\r\n 2',
        'Transfer-Encoding:\r\n chunked',
      )
      .map((line) => text('obs-fold', true, `${get}${line}\r\n\r\n`)),
    fc
      .tuple(filler, fc.constantFrom('\n', '\r', '\n\n', '\r\r\n', '\n\r\n'))
      .map(([value, end]) => text('bare line ends', true, `${get}X-A: ${value}${end}X-B: c\r\n\r\n`)),
    fc
      .constantFrom('2;a=b', '2;a="b"', '02', '002', '2;')
      .map((size) =>
        text(
          'chunk extension',
          false,
          `${login}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${size}\r\n{}\r\n0\r\n\r\n`,
        ),
      ),
    fc
      .constantFrom('G', '-2', '0x2', '2 ', ' 2', '2\n', 'FFFFFFFFFFFFFFFFF', `2;${'a'.repeat(20_000)}`, '2;a\nb', '')
      .map((size) => text('bad chunk', true, `${login}Transfer-Encoding: chunked\r\n\r\n${size}\r\n{}\r\n0\r\n\r\n`)),
    fc
      .constantFrom(
        'Content-Length: 5',
        'Authorization: Bearer x',
        'X-API-Key: x',
        'Transfer-Encoding: chunked',
        '__proto__: x',
      )
      .map((trailer) =>
        text(
          'trailer',
          false,
          `${login}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n${trailer}\r\n\r\n`,
        ),
      ),
    fc
      .integer({ min: 16_500, max: 90_000 })
      .map((length) => text('huge header', true, `${get}X-A: ${'a'.repeat(length)}\r\n\r\n`)),
    fc
      .integer({ min: 16_500, max: 90_000 })
      .map((length) => text('huge target', true, `GET /${'a'.repeat(length)} HTTP/1.1\r\nHost: localhost\r\n\r\n`)),
    fc
      .tuple(
        fc.integer({ min: 2_001, max: 3_000 }),
        fc.constantFrom(
          'X-API-Key:x\r\nX-API-Key:x',
          'Authorization:\r\nAuthorization:',
          'Host:x',
          'X-API-Key:x',
          'Cookie:a=b',
        ),
      )
      .map(([count, last]) => ({
        ...text('many headers', false, `${get}${'a:b\r\n'.repeat(count)}${last}\r\n\r\n`),
        first: /^(X-API-Key:x|Cookie:a=b)$/.test(last) ? 401 : 400,
      })),
    fc
      .constantFrom('', 'Host: a\r\nHost: b', 'Host: a\r\nHost: a')
      .map((host) =>
        text('no one Host', true, `GET /healthz HTTP/1.1\r\n${host}${host && '\r\n'}Connection: close\r\n\r\n`),
      ),
    fc
      .constantFrom(
        'http://evil.example/healthz',
        'http://evil.example',
        'https://a:b@localhost/api/v1/me',
        '//evil.example/x',
        '/\\evil',
        '*',
        'healthz',
        '?',
        '/healthz#x',
        '/%',
        '/api/v1/../../healthz',
        'file:///etc/passwd',
        '::',
        'localhost:80',
      )
      .map((target) => text('odd target', false, `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`)),
    fc
      .constantFrom('\0', '\x01', '\x7f', '\x1b[31m')
      .map((character) => text('control character in a header', true, `${get}X-A: a${character}b\r\n\r\n`)),
    fc
      .constantFrom(
        'GET /a\0b HTTP/1.1',
        'GET / a HTTP/1.1',
        'G\0T / HTTP/1.1',
        'GET / HTTP/1.1 ',
        'GET /\tHTTP/1.1',
        'GET',
        ' GET / HTTP/1.1',
        'GET / HTTP/2.0',
        'GET / HTTP/0.9',
        'GET / HTTP/9.9',
        'GET / HTTP/1.2',
        'GET / http/1.1',
        'GET / FTP/1.1',
        'GET / HTTP/',
        'GET /',
        'FOO / HTTP/1.1',
        'get / HTTP/1.1',
        'PRI * HTTP/2.0\r\n\r\nSM',
        '\x16\x03\x01\x02\x00\x01\x00',
      )
      .map((line) => text('odd request line', true, `${line}\r\nHost: localhost\r\n\r\n`)),
    fc
      .constantFrom('X-A : b', 'X A: b', ': b', 'X-A', '\xffX: b', 'X-A\0: b', '(X): b', 'X-A: b\r\n: c')
      .map((line) => text('odd header', true, `${get}${line}\r\n\r\n`)),
    fc
      .constantFrom(
        'Expect: 100-continue',
        'Expect: junk',
        'Expect: 100-continue\r\nExpect: x',
        'Upgrade: websocket\r\nConnection: Upgrade',
        'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk',
        'X-HTTP-Method-Override: TRACE',
        '__proto__: x',
        'constructor: x',
        'Max-Forwards: 0',
        'Connection: X-API-Key, close, keep-alive',
        'Keep-Alive: timeout=99999999999',
      )
      .map((line) =>
        text(
          'odd header, well formed',
          false,
          `${login}${line}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
        ),
      ),
    fc
      .constantFrom(
        'CONNECT localhost:80',
        'CONNECT /',
        'TRACE /healthz',
        'OPTIONS *',
        'PROPFIND /api/v1/me',
        'SOURCE /',
        'QUERY /healthz',
      )
      .map((line) => text('odd method', false, `${line} HTTP/1.1\r\nHost: localhost\r\n\r\n`)),
    fc
      .tuple(
        fc.nat(200),
        fc.constantFrom(
          `${login}Content-Type: application/json\r\nContent-Length: 400\r\n\r\n{"a":`,
          `${login}Transfer-Encoding: chunked\r\n\r\nff\r\n{`,
          get,
        ),
      )
      .map(([at, content]) => ({
        name: 'cut',
        refused: false,
        cut: true,
        bytes: Buffer.from(content.slice(0, at + 1)),
      })),
    fc.uint8Array({ minLength: 1, maxLength: 400 }).map((bytes) => ({
      name: 'any bytes',
      refused: false,
      cut: true,
      bytes: Buffer.from(bytes),
    })),
  );
})();

test('800 requests that break HTTP itself are refused once, closed in time, and never open the door to a second one', {
  timeout: 120_000,
}, async (t) => {
  t.diagnostic(`INKSONG_TEST_SEED=${seed}`);
  const server = await bootServer(t);
  const account = await server.register();
  const seen = new Map<string, number>();

  const send = async ({ name, bytes, refused, first, cut = false }: RawCase): Promise<void> => {
    seen.set(name, (seen.get(name) ?? 0) + 1);
    const { answers, rest } = await exchange(server.url, bytes, { limitMs, leave: cut });
    try {
      assert.equal(rest, '');
      for (const answer of answers) assertSound(server, 'GET', null, answer);
      const statuses = answers.map(({ status }) => status);
      if (first !== undefined) assert.equal(statuses[0], first);
      if (refused) {
        assert.equal(statuses.length, 1, `answered ${statuses}`);
        assert.ok(Number(statuses[0]) >= 400 && Number(statuses[0]) < 500, `answered ${statuses}`);
      } else if (!cut) {
        assert.ok(statuses.length >= 1 && statuses.length <= 2, `answered ${statuses}`);
        if (statuses.length === 2) assert.equal(statuses[1], 200, `answered ${statuses}`);
      }
    } catch (error) {
      throw new Error(`${name}: ${JSON.stringify(bytes.subarray(0, 400).toString('latin1'))}`, { cause: error });
    }
  };

  const batch = fc.array(rawCase, { minLength: sentAtOnce, maxLength: sentAtOnce });
  await fc.assert(
    fc.asyncProperty(batch, async (cases) => {
      await Promise.all(cases.map(send));
      assert.equal((await server.call('GET', '/me', { key: account.apiKey })).status, 200);
    }),
    {
      seed,
      numRuns: rawRequests / sentAtOnce,
      reporter: report,
      interruptAfterTimeLimit: 60_000,
      markInterruptAsFailure: true,
    },
  );
  assert.ok(seen.size > 15, `only ${[...seen.keys()]}`);
  assertNothingLeaked(server, [account]);
});

test('each request has one answer of its own, whatever follows it on the connection', async (t) => {
  const server = await bootServer(t);
  const { apiKey } = await server.register();
  const text = 'line\n'.repeat(200_000);
  const form = new FormData();
  form.append('file', new Blob([text]), 'long.txt');
  const { id } = (await server.call('POST', '/documents/', { key: apiKey, body: form })).json;
  const download = ['Host: localhost', `X-API-Key: ${apiKey}`];
  const junk = Buffer.from('\0 this is no request\r\n\r\n');

  const content = rawRequest('GET', `/api/v1/documents/${id}/content`, download);
  for (const bytes of [Buffer.concat([content, junk]), content]) {
    const { answers, rest } = await exchange(server.url, bytes, { limitMs, later: junk });
    assert.deepEqual([answers.map(({ status }) => status), rest], [[200], '']);
    assert.equal(String(answers[0]?.body), text, 'a download is not spoilt by what its client sends meanwhile');
  }
  const closing = rawRequest('GET', '/healthz', ['Host: localhost', 'Connection: close']);
  const { answers: last } = await exchange(server.url, Buffer.concat([closing, junk]), { limitMs });
  assert.deepEqual(
    last.map(({ status }) => status),
    [200],
    'nothing after Connection: close counts',
  );

  const chunked = ['Host: localhost', 'Transfer-Encoding: chunked', 'Content-Type: application/json'];
  const refusedEarly = rawRequest('POST', '/api/v1/documents/', chunked, '2\r\n{}\r\n');
  const { answers: early, rest } = await exchange(server.url, refusedEarly, {
    limitMs,
    later: Buffer.from('G\r\n\r\n'),
  });
  assert.deepEqual([early.map(({ status }) => status), rest], [[401], ''], 'no 400 comes after the 401');
});

test('a refused client that never hangs up is cut off', async (t) => {
  const server = await bootServer(t);
  const openConnections = (): Promise<number> =>
    new Promise((resolve, reject) =>
      server.app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  const held: Socket[] = [];
  server.app.server.on('connection', (each) => held.push(each));
  const socket = connect({ port: Number(new URL(server.url).port), host: '127.0.0.1', allowHalfOpen: true });
  try {
    socket.write('no request\r\n\r\n');
    socket.resume();
    await once(socket, 'end');
    assert.equal(await openConnections(), 1);
    for (const deadline = Date.now() + limitMs; (await openConnections()) > 0; await delay(50)) {
      assert.ok(Date.now() < deadline, 'the server still holds the connection');
    }
  } finally {
    // Or else, when this test is red, closing the server would wait for them.
    for (const each of [socket, ...held]) each.destroy();
  }
});
