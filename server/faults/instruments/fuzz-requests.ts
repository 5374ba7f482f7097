import fc from 'fast-check';
import type { TestAccount } from '../../test/boot.ts';
import { allowed, bodyOf, hostileValue } from './fuzz-bodies.ts';
import type { Operation } from './fuzz-operations.ts';

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
  'cursor=999999999999999999.doc_00000000000000000000000000000000',
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

export interface FuzzRequest {
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

/** Requests for an operation, most of them with something odd about them. */
export function requestOf(operation: Operation): fc.Arbitrary<FuzzRequest> {
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

export function credentialLines(credential: Credential, { apiKey, accessToken, refreshToken }: TestAccount): string[] {
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

/** Whom the requests are about. */
export interface Target {
  account: TestAccount;
  documentId: string;
}

export function targetOf({ operation, segment, form, query }: FuzzRequest, { account, documentId }: Target): string {
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
