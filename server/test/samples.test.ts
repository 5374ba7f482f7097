import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { send } from './boot.ts';
import {
  assertDocumentList,
  filledIn,
  languagesOfAll,
  languagesOfNpmTest,
  Page,
  type Reader,
  type Run,
  readerWithServer,
  runSample,
} from './samples.ts';

// The samples in curl and Python are run by all/samples.test.ts.
const page = new Page('docs/authentication.md');
const withKey = page.take('API keys', 'js');
const withToken = page.take('Bearer tokens', 'js');

test('every sample of the authentication page is run by one of the suites', () => {
  assert.deepEqual(
    page.left((language) => languagesOfNpmTest.includes(language)),
    [],
  );
  assert.deepEqual(
    page.left((language) => ![...languagesOfNpmTest, ...languagesOfAll].includes(language)),
    [],
  );
});

test('the JavaScript samples list the documents', async (t) => {
  const reader = await readerWithServer(t);
  for (const sample of [withKey, withToken]) {
    const { code, stdout, stderr } = await runJavaScript(filledIn(sample.code, reader), reader);
    assert.equal(code, 0, `${sample.place}: ${stderr}`);
    assertDocumentList(printed(stdout));
  }
});

test('the JavaScript samples fail with a wrong key and a wrong password', async (t) => {
  const reader = await readerWithServer(t);
  const keyless = { ...reader, apiKey: `ink_${'0'.repeat(48)}` };
  const refused = await runJavaScript(filledIn(withKey.code, keyless), keyless);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Error: HTTP 401/);

  const unknown = { ...reader, password: 'six unrelated words do no better' };
  const { stdout } = await runJavaScript(filledIn(withToken.code, unknown), unknown);
  assert.equal((printed(stdout) as { code: string }).code, 'invalid_credentials');
});

test('the JavaScript sample of the quickstart prints the title of the document that was stored', async (t) => {
  const reader = await readerWithServer(t);
  const quickstart = new Page('docs/quickstart.md');
  const sample = quickstart.take('4. Find it again', 'js');
  assert.deepEqual(
    quickstart.left((language) => languagesOfNpmTest.includes(language)),
    [],
  );
  const document = { title: 'First', content: 'Hello, Inksong.' };
  await send(`${reader.url}/api/v1/documents/`, 'POST', { key: reader.apiKey, json: document });
  const { code, stdout, stderr } = await runJavaScript(filledIn(sample.code, reader), reader);
  assert.equal(code, 0, `${sample.place}: ${stderr}`);
  assert.deepEqual(printed(stdout), ['First']);
});

function runJavaScript(code: string, reader: Reader): Promise<Run> {
  return runSample(process.execPath, ['--input-type=module', '--eval', code], reader);
}

/** Reads back what console.log printed of an answer. */
function printed(stdout: string): unknown {
  return structuredClone(runInNewContext(`(${stdout})`));
}
