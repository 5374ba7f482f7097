import assert from 'node:assert/strict';
import { globSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { samplesFor } from '../../../dashboard/src/home/samples.ts';
import { send } from '../boot.ts';
import {
  assertDocumentList,
  assertShown,
  codeBlocks,
  filledIn,
  languagesOfAll,
  Page,
  type Reader,
  type Run,
  readerWithServer,
  runSample,
} from '../samples.ts';

// The samples in JavaScript are run by ../samples.test.ts.
const page = new Page('docs/authentication.md');
const curl = {
  withKey: page.take('API keys', 'sh'),
  rotation: page.take('Rotate a key', 'sh'),
  withToken: page.take('Bearer tokens', 'sh'),
  refreshAndLogout: page.take('Refresh and log out', 'sh'),
  refused: page.take('When it is refused', 'sh'),
};
const refusal = page.take('When it is refused', 'http');
const python = { withKey: page.take('API keys', 'python'), withToken: page.take('Bearer tokens', 'python') };

test('every curl and Python sample of the authentication page is run', () => {
  assert.deepEqual(
    page.left((language) => languagesOfAll.includes(language)),
    [],
  );
});

test('the curl samples list the documents', async (t) => {
  const reader = await readerWithServer(t);
  assertDocumentList(JSON.parse((await runCurl(curl.withKey.code, reader))[0] ?? ''));

  const [login = '', list = ''] = await runCurl(curl.withToken.code, reader);
  assertDocumentList(JSON.parse(list));
  const comment = /# → (\{.*\})/.exec(curl.withToken.code)?.[1] ?? '';
  assertShown(JSON.parse(comment), JSON.parse(login), 'what the page says a login answers');
});

test('the curl samples answer 401 to a wrong key and a wrong password', async (t) => {
  const reader = await readerWithServer(t);
  const [byKey = ''] = await runCurl(curl.withKey.code, { ...reader, apiKey: `ink_${'0'.repeat(48)}` });
  assert.equal(JSON.parse(byKey).status, 401);
  const [login = ''] = await runCurl(curl.withToken.code, { ...reader, password: 'six unrelated words do no better' });
  assert.equal(JSON.parse(login).status, 401);
});

test('a refused request is answered as the page shows', async (t) => {
  const [answer = ''] = await runCurl(curl.refused.code, await readerWithServer(t));
  const [shownHead = '', shownBody = ''] = refusal.code.split('\n\n');
  const [head = '', body = ''] = answer.replaceAll('\r\n', '\n').split('\n\n');
  for (const line of shownHead.split('\n')) assert.ok(head.split('\n').includes(line), `${line} is not in:\n${head}`);
  assertShown(JSON.parse(shownBody), JSON.parse(body), 'the body');
  assert.deepEqual(Object.keys(JSON.parse(body)), Object.keys(JSON.parse(shownBody)));
});

test('the rotation sample replaces the key', async (t) => {
  const reader = await readerWithServer(t);
  const [list = '', rotated = ''] = await runCurl(curl.rotation.code, reader);
  assert.equal(JSON.parse(list).items[0].id, reader.apiKeyId);
  const statusWith = async (key: string) => (await send(`${reader.url}/api/v1/documents/`, 'GET', { key })).status;
  assert.equal(await statusWith(reader.apiKey), 401);
  assert.equal(await statusWith(JSON.parse(rotated).api_key), 200);
});

test('the cookie jar sample refreshes and logs out', async (t) => {
  const reader = await readerWithServer(t);
  const [login = '', refreshed = '', loggedOut] = await runCurl(curl.refreshAndLogout.code, reader);
  const tokens = [login, refreshed].map((answer): string => JSON.parse(answer).access_token);
  assert.notEqual(tokens[0], tokens[1]);
  assert.equal(loggedOut, '');
  for (const bearer of tokens) {
    assert.equal((await send(`${reader.url}/api/v1/me`, 'GET', { bearer })).status, 401);
  }
});

test('the Python samples list the documents', async (t) => {
  const reader = await readerWithServer(t);
  for (const sample of [python.withKey, python.withToken]) {
    const { code, stdout, stderr } = await runPython(filledIn(sample.code, reader), reader);
    assert.equal(code, 0, `${sample.place}: ${stderr}`);
    // What Python prints of a dictionary is no JSON; Python reads it back.
    const toJson = 'import ast, json, sys; print(json.dumps(ast.literal_eval(sys.argv[1])))';
    const json = await runSample(pythonProgram, ['-c', toJson, stdout.trim()], reader);
    assertDocumentList(JSON.parse(json.stdout));
  }
});

test('the Python samples fail with a wrong key and a wrong password', async (t) => {
  const reader = await readerWithServer(t);
  const wrong = { ...reader, apiKey: `ink_${'0'.repeat(48)}`, password: 'six unrelated words do no better' };
  for (const sample of [python.withKey, python.withToken]) {
    const { code, stderr } = await runPython(filledIn(sample.code, wrong), wrong);
    assert.equal(code, 1, sample.place);
    assert.match(stderr, /requests\.exceptions\.HTTPError: 401 Client Error/);
  }
});

test('every curl command of the README and the other pages succeeds as it stands', async (t) => {
  const reader = await readerWithServer(t);
  // The samples' own e-mail must be free for the one that registers it.
  const newcomer = { ...reader, email: 'you@example.com' };
  writeFileSync(join(reader.folder, '.curlrc'), 'fail-with-body\n');
  writeFileSync(join(reader.folder, 'minutes.pdf'), '%PDF-1.7\n');
  const pages = ['README.md', ...globSync('docs/*.md', { cwd: root }).filter((path) => !path.endsWith(ownPage))];
  const samples = pages.flatMap(codeBlocks).filter(({ code }) => /\bcurl\b/.test(code));
  assert.ok(samples.length > 0);
  for (const { place, language, code } of samples) {
    assert.equal(language, 'sh', `${place} is not marked as sh`);
    assert.match(code, /http:\/\/localhost:8080\//, `${place} names another server`);
    for (const answer of await runCurl(code, newcomer)) JSON.parse(answer);
  }
});

const root = join(import.meta.dirname, '../../..');
const ownPage = 'authentication.md';
// The other languages are run by dashboard/test/home-account.test.ts.
test('the Python sample of the dashboard’s quickstart lists the documents', async (t) => {
  const reader = await readerWithServer(t);
  const { code = '' } = samplesFor(reader.url).find(({ id }) => id === 'python') ?? {};
  const run = await runPython(code, reader);
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /^\{'items': \[\{.*'title': 'Minutes of the harbour committee'/);
  const refused = await runPython(code, { ...reader, apiKey: `ink_${'0'.repeat(48)}` });
  assert.match(refused.stderr, /401 Client Error/);
});

/** Debian's own, for which python3-requests is installed. */
const pythonProgram = '/usr/bin/python3';

function runPython(code: string, reader: Reader): Promise<Run> {
  return runSample(pythonProgram, ['-c', code], reader);
}

/**
 * Runs each curl command of a sample by bash and returns what it printed. As a reader would, it puts the access token of
 * an answer in the place of `eyJ...` in the commands that follow.
 */
async function runCurl(sample: string, reader: Reader): Promise<string[]> {
  const commands = sample.split(/^(?=curl )/m).filter((part) => part.startsWith('curl '));
  assert.ok(commands.length > 0);
  let { accessToken } = reader;
  const answers: string[] = [];
  for (const command of commands) {
    const { code, stdout, stderr } = await runSample(
      'bash',
      ['-c', filledIn(command, { ...reader, accessToken })],
      reader,
    );
    assert.equal(code, 0, `${command}${stdout}${stderr}`);
    answers.push(stdout);
    if (stdout.startsWith('{')) accessToken = JSON.parse(stdout).access_token ?? accessToken;
  }
  return answers;
}
