import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { bootServer, type TestAccount, type TestServer } from '../test/boot.ts';
import { assertNothingLeaked, assertSound, limitMs, report, sentAtOnce } from '../test/fuzz-run.ts';
import { exchange, rawRequest } from '../test/raw-http.ts';
import type { Experiment } from './instruments/experiment.ts';
import { operationsOf } from './instruments/fuzz-operations.ts';
import { credentialLines, type FuzzRequest, requestOf, type Target, targetOf } from './instruments/fuzz-requests.ts';

/** Bounds a run in which every request takes far too long. */
const longestMsARequest = 30;
const expectedStatuses = [200, 204, 400, 401, 403, 404, 405, 413, 415, 422];

/** Sends requests made from the API's own description, most with something wrong about them. */
export const badRequests: Experiment<{ requests: number }> = {
  shows:
    'generated requests are each answered in time, by a documented status and a sound body, and nothing secret is logged',
  engines: ['sqlite'],
  small: { requests: 2_000 },
  full: { requests: 10_000 },
  planted: {
    what: 'one unguarded JSON.parse',
    file: 'http/json-body.ts',
    replace: 'function faultOf(text: string): string {',
    by: 'function faultOf(text: string): string { JSON.parse(text);',
  },

  async run(run, { requests: wanted }) {
    const server = await bootServer(run);
    const operations = operationsOf(server);
    const statuses = new Map<number, number>();
    const accounts: TestAccount[] = [];
    let target = await makeTarget(server);
    accounts.push(target.account);
    const untouched = (await server.call('GET', '/auth/config')).json;
    let sent = 0;
    let slowestMs = 0;

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
      const sentMs = performance.now();
      const { answers, rest } = await exchange(server.url, rawRequest(method, url, lines, body.bytes), {
        limitMs,
        method,
      });
      slowestMs = Math.max(slowestMs, performance.now() - sentMs);
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
    const broken: string[] = [];
    try {
      await fc.assert(
        fc.asyncProperty(batch, async (requests) => {
          await Promise.all(requests.map(send));
          assert.deepEqual((await server.call('GET', '/auth/config')).json, untouched);
          if (await isAlive(server, target)) return;
          target = await makeTarget(server);
          accounts.push(target.account);
        }),
        {
          seed: run.seed,
          numRuns: wanted / sentAtOnce,
          reporter: report,
          interruptAfterTimeLimit: wanted * longestMsARequest,
          markInterruptAsFailure: true,
        },
      );
      assert.ok(sent >= wanted, `${sent} sent`);
      for (const status of expectedStatuses) {
        assert.ok(statuses.has(status), `no request was answered ${status}: the generator has gone blunt`);
      }
      assertNothingLeaked(server, accounts);
    } catch (error) {
      run.say(inspect(error));
      broken.push(String((error as Error).cause ?? error));
    }
    return {
      counts: {
        requests: sent,
        ...Object.fromEntries([...statuses].sort().map(([status, n]) => [`answered ${status}`, n])),
        'slowest answer, ms': Math.round(slowestMs),
      },
      broken,
    };
  },
};

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
