import fc from 'fast-check';
import type { Operation, Schema } from './fuzz-operations.ts';

/** Values that a schema allows. */
export function allowed(schema: Schema): fc.Arbitrary<unknown> {
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
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
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

/** Bodies for an operation, with their content types: good ones, near misses, broken ones and none. */
export function bodyOf({ body, mediaTypes }: Operation): fc.Arbitrary<{ bytes: Buffer; type: string | null }> {
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
