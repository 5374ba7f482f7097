import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bootServer, type TestAccount, type TestServer } from './boot.ts';
import { operationsOf } from './fuzz-operations.ts';
import { credentialLines, type FuzzRequest, requestOf, type Target, targetOf } from './fuzz-requests.ts';
import { assertNothingLeaked, assertSound, limitMs, report, seed, sentAtOnce } from './fuzz-run.ts';
import { exchange, rawRequest } from './raw-http.ts';

const generatedRequests = 2_000;

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
