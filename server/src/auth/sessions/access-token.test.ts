import assert from 'node:assert/strict';
import { hash, hkdfSync } from 'node:crypto';
import { test } from 'node:test';
import { SignJWT } from 'jose';
import { accessTokenTtlSeconds, createAccessTokens } from './access-token.ts';

const secret = 'a secret for tests that is long enough';
const issuer = 'https://inksong.example';
const claims = { accountId: 'acc_1', sessionId: 'ses_1' };
const startedMs = 1_700_000_000_000;

function scene(options: { secret?: string; previousSecret?: string; issuer?: string } = {}) {
  const time = { ms: startedMs };
  const tokens = createAccessTokens({
    secret,
    previousSecret: null,
    issuer,
    clock: { now: () => time.ms },
    ...options,
  });
  return { tokens, time };
}

test('a token that was good before is refused from the second it expires', async () => {
  const { tokens, time } = scene();
  const token = await tokens.sign(claims);
  for (const second of [0, 1, accessTokenTtlSeconds - 1]) {
    time.ms = startedMs + second * 1000;
    assert.deepEqual(await tokens.verify(token), claims, `${second}`);
  }
  for (const second of [accessTokenTtlSeconds, accessTokenTtlSeconds + 1, 2 * accessTokenTtlSeconds]) {
    time.ms = startedMs + second * 1000;
    assert.equal(await tokens.verify(token), null, `${second}`);
  }
});

test('a token that was good before is refused when the clock is set back: it lasts for too long, or is not good yet', async () => {
  const { tokens, time } = scene();
  const token = await tokens.sign(claims);
  const later = await signWith({ nbf: startedMs / 1000 });
  assert.deepEqual(await tokens.verify(token), claims);
  assert.deepEqual(await tokens.verify(later), claims);
  time.ms = startedMs - 1_000;
  assert.deepEqual(await tokens.verify(token), claims);
  assert.equal(await tokens.verify(later), null);
  time.ms = startedMs - 61_000;
  assert.equal(await tokens.verify(token), null);
});

test('a token that another node finds good is refused by one that no longer has its key, or another issuer', async () => {
  const { tokens } = scene();
  const token = await tokens.sign(claims);
  const rolling = scene({ secret: 'the secret that comes after that one', previousSecret: secret });
  const rolled = scene({ secret: 'the secret that comes after that one' });
  const elsewhere = scene({ issuer: 'https://elsewhere.example' });
  for (let attempt = 1; attempt <= 2; attempt++) {
    assert.deepEqual(await tokens.verify(token), claims);
    assert.deepEqual(await rolling.tokens.verify(token), claims);
    assert.equal(await rolled.tokens.verify(token), null);
    assert.equal(await elsewhere.tokens.verify(token), null);
  }
});

test('a good token makes no other good: not one of the same claims, nor any one character away from it', async () => {
  const { tokens } = scene();
  const token = await tokens.sign(claims);
  assert.deepEqual(await tokens.verify(token), claims);
  const [head, payload, signature = ''] = token.split('.');
  const forged = await signWith({}, 'some other secret that is long enough');
  assert.equal(await tokens.verify(`${head}.${payload}.${forged.split('.')[2]}`), null);
  assert.equal(await tokens.verify(`${head}.${forged.split('.')[1]}.${signature}`), null);
  for (let index = 0; index < token.length; index++) {
    const other = token[index] === 'A' ? 'B' : 'A';
    assert.equal(await tokens.verify(token.slice(0, index) + other + token.slice(index + 1)), null, `${index}`);
  }
  assert.equal(await tokens.verify(`${token}=`), null);
});

/** Signs as access-token.ts does, with other claims. */
function signWith(changed: object, ofSecret = secret): Promise<string> {
  const key = new Uint8Array(hkdfSync('sha256', ofSecret, '', 'inksong access token', 32));
  const iat = startedMs / 1000;
  const { accountId: sub, sessionId: sid } = claims;
  return new SignJWT({
    sub,
    sid,
    iat,
    iss: issuer,
    aud: issuer,
    jti: '0',
    exp: iat + accessTokenTtlSeconds,
    ...changed,
  })
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: hash('sha256', key, 'hex').slice(0, 16) })
    .sign(key);
}
