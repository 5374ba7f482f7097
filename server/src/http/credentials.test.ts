import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AppError } from '../app-error.ts';
import { readCredential } from './credentials.ts';

/** One token of RFC 6750's alphabet, which holds every JWT; and whatever else has no space in it. */
const token = fc.oneof(fc.stringMatching(/^[\w.~+/-]+=*$/), fc.stringMatching(/^[!-~]+$/));
const key = fc.stringMatching(/^[ -~]*$/);
const space = fc.stringMatching(/^[ \t]+$/);
const anyCase = (word: string) =>
  fc
    .array(fc.boolean(), { minLength: word.length, maxLength: word.length })
    .map((upper) => [...word].map((letter, at) => (upper[at] ? letter.toUpperCase() : letter.toLowerCase())).join(''));
const bearer = anyCase('bearer');
const otherHeaders = fc.array(
  fc.tuple(fc.constantFrom<string[]>('Host', 'Cookie', 'X-Api-Keys', 'Authorizations'), key),
);

const shuffled = <T>(items: readonly T[]) =>
  fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length });

function unclear(rawHeaders: readonly string[]): boolean {
  assert.throws(
    () => readCredential(rawHeaders),
    (error) => error instanceof AppError && error.code === 'invalid_request',
  );
  return true;
}

test('one X-API-Key among other headers is the credential, in the caller’s own bytes and any case of the name', () => {
  fc.assert(
    fc.property(otherHeaders, anyCase('x-api-key'), key, fc.nat(), (others, name, secret, at) => {
      const headers = others.toSpliced(at % (others.length + 1), 0, [name, secret]);
      assert.deepEqual(readCredential(headers.flat()), { scheme: 'api_key', secret });
    }),
  );
});

test('one Bearer token is the credential, whatever the case of the scheme and the space around it', () => {
  fc.assert(
    fc.property(anyCase('authorization'), bearer, space, token, fc.oneof(fc.constant(''), space), (name, ...parts) => {
      assert.deepEqual(readCredential([name, parts.join('')]), { scheme: 'bearer', token: parts[2] });
    }),
  );
});

test('Bearer with no token or with several is unclear', () => {
  for (const value of ['Bearer', 'bearer ', 'BEARER\t \t', 'Bearer a b', 'Bearer a b c', 'Bearer Bearer a']) {
    unclear(['Authorization', value]);
  }
  fc.assert(
    fc.property(bearer, fc.array(token, { minLength: 2 }), space, (scheme, tokens, gap) =>
      unclear(['Authorization', [scheme, ...tokens].join(gap)]),
    ),
  );
});

test('two credentials are unclear, whichever they are, in whichever order, however far apart', () => {
  const one = fc.oneof(
    fc.tuple(anyCase('x-api-key'), key),
    fc.tuple(
      anyCase('authorization'),
      fc.tuple(bearer, token).map((parts) => parts.join(' ')),
    ),
  );
  fc.assert(
    fc.property(
      fc.tuple(one, one, otherHeaders).chain(([a, b, others]) => shuffled([a, b, ...others])),
      (headers) => unclear(headers.flat()),
    ),
  );
});

test('one header twice is unclear even if one of them is empty or of another scheme', () => {
  for (const [name, value] of [
    ['X-API-Key', ''],
    ['Authorization', ''],
    ['Authorization', 'Basic eDp5'],
  ] as const) {
    unclear([name, value, name.toUpperCase(), 'Bearer x']);
    unclear([name.toLowerCase(), 'Bearer x', name, value]);
    unclear([name, value, name, value]);
  }
});

test('other schemes and other headers are no credential', () => {
  const otherScheme = fc.stringMatching(/^[!-~]*$/).filter((scheme) => scheme.toLowerCase() !== 'bearer');
  fc.assert(
    fc.property(otherHeaders, otherScheme, key, (others, scheme, rest) => {
      assert.equal(readCredential(others.flat()), null);
      fc.pre(!/^[ \t]*bearer([ \t]|$)/i.test(`${scheme} ${rest}`));
      assert.equal(readCredential([...others.flat(), 'Authorization', `${scheme} ${rest}`]), null);
    }),
  );
});
