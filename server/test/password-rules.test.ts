import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { AppError } from '../src/app-error.ts';
import { bootServer, type TestServer } from './boot.ts';

const email = 'ada.lovelace@example.com';

/** Each has 15 characters or more. */
const guessable = [
  ...['passwordpassword1', 'Password1Password1', 'P@ssw0rdP@ssw0rd', 'p4ssw0rdp4ssw0rd!', 'Passw0rd!Passw0rd!'],
  ...['passwordPASSWORDpassword', 'drowssapdrowssap', 'password password', 'qwerty123qwerty123', 'abc123abc123abc123'],
  ...['inksonginksong1', 'InksongInksong!', '1nks0ng1nks0ng!', 'inksong-inksong-inksong', 'inksong inksong'],
  ...[email, email + email, 'Ada.Lovelace.ADA', 'ada lovelace, ada lovelace', 'lovelacelovelace', 'adalovelace1815'],
  ...['moc.elpmaxe@ecalevol.ada', 'adalovelaceadalovelace', 'Ada.Lovelace@Example.COM!'],
  ...['qwertyuiop[]asdf', 'qwertyuiopasdfghjkl', '1qaz2wsx3edc4rfv', 'zaq12wsxcde34rfv', 'asdfghjkl;asdfghjkl;'],
  ...['1234567890qwertyuiop', 'zxcvbnm,./zxcvbnm', 'qazwsxedcrfvtgb', 'abcdefghijklmnopqrstuvwxyz'],
  ...['123456789012345', '987654321987654321', '111111111111111', '19900101199001011990', '01/01/199001/01/1990'],
  ...['01.02.1990 01.02.1990', '1990-01-01 1990-01-01'],
  ...[
    'aaaaaaaaaaaaaaa',
    'abababababababab',
    '!!!!!!!!!!!!!!!!!!!',
    '               ',
    '🔑'.repeat(15),
    'a1'.repeat(512),
  ],
  ...['iloveyouiloveyou', 'letmeinletmeinletmein', 'welcomewelcome123', 'administrator123', 'monkeymonkeymonkey'],
  ...['superman superman', 'unbelievable1234', 'internationalization', 'trustno1trustno1', 'changemechangeme'],
];

const register = (server: TestServer, password: string, address = email) =>
  server.call('POST', '/auth/register', { json: { email: address, password } });

test('fifty long passwords that attackers try first are refused, each with a reason a person can use', async (t) => {
  const server = await bootServer(t);
  assert.ok(guessable.length >= 50);
  for (const password of guessable) {
    assert.ok(Array.from(password).length >= 15, password);
    const { status, json } = await register(server, password);
    assert.equal(status, 422, password);
    assert.deepEqual(Object.keys(json.errors[0]).sort(), ['detail', 'pointer']);
    assert.equal(json.errors[0].pointer, '/password');
    assert.match(
      json.errors[0].detail,
      /^Is too easy to guess\. It [^.]+\. A few unrelated words do well\.$/,
      password,
    );
  }
  const { query } = server.services.database;
  assert.deepEqual(await query.selectFrom('accounts').select('id').execute(), [], 'none made an account');
});

test('the reason names what is wrong with the password', async (t) => {
  const server = await bootServer(t);
  const reasons: [password: string, reason: RegExp][] = [
    ['aaaaaaaaaaaaaaa', /repeats one character/],
    ['abababababababab', /repeats the same few characters/],
    [email, /your e-mail address/],
    ['qwertyuiop[]asdf', /a row of keys/],
    ['abcdefghijklmnop', /a sequence/],
    ['1qaz2wsx3edc4rfv', /well-known password/],
  ];
  for (const [password, reason] of reasons) {
    assert.match((await register(server, password)).json.errors[0].detail, reason);
  }
});

test('any characters make a password: spaces, emoji, digits alone, any script; counted as characters, in either composition', async (t) => {
  const server = await bootServer(t);
  const good = [
    'all lower case and spaces ',
    '    wandering   otter    plinth',
    '🔑🌵🎻🚲🦊🧶🪐🍉🎲🗿🥁🪁🦜🧭🛶',
    '830917462058371',
    'тихая рыба ест медленный суп',
    'größere Übermüdung'.normalize('NFD'),
    'vkqzhwnbxjtrmpd',
  ];
  for (const [index, password] of good.entries()) {
    assert.equal((await register(server, password, `n${index}@example.com`)).status, 201, password);
  }
  // 14 characters, though 17 code points as typed, or 28 UTF-16 units.
  for (const password of ['größere Überzö'.normalize('NFD'), '🔑🌵🎻🚲🦊🧶🪐🍉🎲🗿🥁🪁🦜🧭']) {
    const { status, json } = await register(server, password);
    assert.equal(status, 422);
    assert.match(json.errors[0].detail, /at least 15 characters/);
  }
});

test('15 and 1,024 characters are taken, 14 and 1,025 are not', async (t) => {
  const server = await bootServer(t);
  const sized = (length: number) => 'vkq zhw nbx jtr mpd lsg ycf'.repeat(40).slice(0, length);
  const statuses = [];
  for (const length of [14, 15, 1024, 1025]) {
    statuses.push((await register(server, sized(length), `n${length}@example.com`)).status);
  }
  assert.deepEqual(statuses, [422, 201, 201, 422]);
});

test('only the first 64 characters are judged: a good beginning is enough, a good end does not help', async (t) => {
  const server = await bootServer(t);
  assert.equal((await register(server, `five unrelated words do well${'a'.repeat(900)}`)).status, 201);
  assert.equal((await register(server, `${'a'.repeat(64)} five unrelated words do well`, 'b@example.com')).status, 422);
});

test('strings made to be slow to judge are judged, and other requests do not wait for it', async (t) => {
  const server = await bootServer(t);
  const { passwords } = server.services;
  const owner = { email: `${'a.'.repeat(31)}a@${'b-'.repeat(90)}b.example`, pointer: '/password' };
  const hostile = [
    'a',
    '4@8({[<3€6&#!1/|0$5+7%2',
    '11@4$$5500||!!117733&&%%22',
    'p4ssw0rd',
    '(4',
    '1990.1.1',
    '|1!',
    'ⒶⒷ',
    '\u0301',
    '0',
  ].map((unit) => unit.repeat(64).slice(0, 64));
  await passwords.requireGood('five unrelated words do well', owner);
  let turns = 0;
  for (const password of hostile) {
    let settled = false;
    const verdict = passwords.requireGood(password, owner).then(
      () => 'good',
      (error: AppError) => error.code,
    );
    void verdict.finally(() => {
      settled = true;
    });
    for (; !settled; turns++) await setImmediate();
    assert.ok(['good', 'validation_failed'].includes(await verdict), `${password}: ${await verdict}`);
  }
  // In this thread a check would take a turn or two. All together, since a busy machine may pass over one of them.
  assert.ok(turns > 20 * hostile.length, `only ${turns} turns of the event loop`);
});

test('checks of passwords wait in the same bounded queue as hashes', async (t) => {
  const server = await bootServer(t);
  const { passwords } = server.services;
  const work: Promise<unknown>[] = [];
  assert.throws(
    () => {
      for (;;) work.push(passwords.hash('keeps the queue full'));
    },
    { code: 'overloaded' },
  );
  await assert.rejects(passwords.requireGood('five unrelated words do well', { email, pointer: '/password' }), {
    code: 'overloaded',
  });
  await Promise.all(work);
});
