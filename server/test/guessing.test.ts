import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delaySecondsAfter } from '../src/limits/guess.ts';
import { bootServer, type TestServer } from './boot.ts';
import { callFrom } from './call-from.ts';

const wrong = 'not the password of anybody here';
const guess = (server: TestServer, email: string, address = '127.0.0.1', password = wrong) =>
  callFrom(address, server, 'POST', '/auth/login', { json: { email, password } });

test('three wrong passwords are free, then the address has to wait, and an unknown one fares the same to the byte', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const seen: string[] = [];
  for (const email of [account.email, 'nobody@example.com']) {
    const answers = [];
    for (let tries = 0; tries < 4; tries++) answers.push(await guess(server, email));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [401, 401, 401, 429],
    );
    assert.ok(Number(answers[3]?.headers.get('retry-after')) >= 1);
    seen.push(JSON.stringify(answers.map(({ json, headers }) => [{ ...json, request_id: '' }, [...headers.keys()]])));
  }
  assert.equal(seen[0], seen[1]);
});

test('parallel guesses do not slip through: of 50 no more are compared than one after the other would be', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const start = performance.now();
  const answers = await Promise.all(Array.from({ length: 50 }, () => guess(server, account.email)));
  const allowed = triesWithin((performance.now() - start) / 1000);
  const compared = answers.filter(({ status }) => status === 401).length;
  assert.ok(compared >= 3 && compared <= allowed, `${compared} were compared, ${allowed} allowed`);
  assert.ok(answers.every(({ status }) => status === 401 || status === 429));
});

/** Returns how many tries the growing wait allows in so many seconds: three on a machine of usual speed. */
function triesWithin(seconds: number): number {
  let tries = 3;
  for (let waited = delaySecondsAfter(tries); waited <= seconds; waited += delaySecondsAfter(tries)) tries++;
  return tries;
}

test('two processes on one database count guesses together', async (t) => {
  const first = await bootServer(t);
  const second = await bootServer(t, { INKSONG_DATA_DIR: first.config.dataDirectory });
  const account = await first.register();
  const statuses = [];
  for (let tries = 0; tries < 4; tries++) {
    statuses.push((await guess(tries % 2 ? second : first, account.email)).status);
  }
  assert.deepEqual(statuses, [401, 401, 401, 429]);
});

test('the right password resets the count, and other neighbourhoods do not wait for one', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  for (let round = 0; round < 3; round++) {
    for (let tries = 0; tries < 2; tries++) assert.equal((await guess(server, account.email)).status, 401);
    assert.equal((await guess(server, account.email, '127.0.0.1', account.password)).status, 200);
  }
  for (let tries = 0; tries < 4; tries++) await guess(server, account.email, '127.0.7.1');
  assert.equal((await guess(server, account.email, '127.0.7.9', account.password)).status, 429, 'the same /24');
  assert.equal((await guess(server, account.email, '127.0.8.1', account.password)).status, 200, 'another one');
});

test('of guesses from everywhere at most 100 a day are compared, and the owner still gets in from where they were before', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const home = '127.9.9.9';
  assert.equal((await guess(server, account.email, home, account.password)).status, 200);

  let compared = 0;
  for (let place = 0; place < 70; place++) {
    for (let tries = 0; tries < 3; tries++) {
      if ((await guess(server, account.email, `127.1.${place}.1`)).status === 401) compared++;
    }
  }
  assert.equal(compared, 100);
  assert.equal((await guess(server, account.email, '127.200.1.1', account.password)).status, 429, 'a new place');
  assert.equal((await guess(server, account.email, home, account.password)).status, 200, 'a known place');
});
