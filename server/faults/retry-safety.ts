import { hash } from 'node:crypto';
import pLimit from 'p-limit';
import { type Answer, goodPassword, send } from '../test/boot.ts';
import { startCuttingProxy } from './instruments/cutting-proxy.ts';
import type { Experiment } from './instruments/experiment.ts';
import { assertStatus, seededRandom } from './instruments/findings.ts';
import { createInstallation } from './instruments/installation.ts';
import { brokenRules } from './instruments/stored-rules.ts';

const uploadsAtOnce = 4;
const concurrentRequests = 10;
/** An answer's head and body are some hundred bytes long: it is cut in either. */
const mostBytesLetThrough = 600;

/** Cuts the answers to uploads after their commit, and sends each again with its Idempotency-Key, to the next node. */
export const retrySafety: Experiment<{ nodes: number; uploads: number; races: number }> = {
  shows: 'an upload whose answer was cut off is made once, however often and wherever it is sent again with its key',
  engines: ['sqlite', 'postgres'],
  small: { nodes: 1, uploads: 50, races: 5 },
  full: { nodes: 2, uploads: 1_000, races: 100 },
  planted: {
    what: 'the outcome of a key is not kept with its effect',
    file: 'documents/documents.ts',
    replace: 'return await receiveAndInsert(accountId, receive, (trx, outcome) => claim.held.complete(trx, outcome));',
    by: 'const made = await receiveAndInsert(accountId, receive, async () => {}); await claim.held.release(); return made;',
  },

  async run(run, { nodes, uploads, races }) {
    const random = seededRandom(run.seed);
    const installation = await createInstallation(run);
    const urls: string[] = [];
    while (urls.length < nodes) urls.push((await installation.startNode()).url);
    const urlOf = (turn: number): string => urls[turn % urls.length] ?? '';
    const proxy = await startCuttingProxy(run, urlOf(0), () => 1 + Math.floor(random() * mostBytesLetThrough));
    const registered = await send(`${urlOf(0)}/api/v1/auth/register`, 'POST', {
      json: { email: 'retries@example.com', password: goodPassword },
    });
    assertStatus(registered, 201, 'register');
    const key: string = registered.json.api_key;
    const upload = (url: string, idempotencyKey: string, content: string): Promise<Answer> =>
      send(`${url}/api/v1/documents/`, 'POST', {
        key,
        json: { title: idempotencyKey, content },
        headers: { 'Idempotency-Key': idempotencyKey },
      });

    const broken: string[] = [];
    const counts = { unanswered: 0, 'answered whole': 0, 'refused for another body': 0, 'answered in progress': 0 };
    const uploadOnce = async (turn: number): Promise<void> => {
      const name = `upload-${turn}`;
      const content = `${name} `.repeat(1 + Math.floor(random() * 200));
      const cut = await upload(proxy.url, name, content).catch((error: unknown) => {
        // fetch throws a TypeError for an answer that broke off.
        if (error instanceof TypeError) return null;
        throw error;
      });
      counts[cut === null ? 'unanswered' : 'answered whole'] += 1;
      const again = await upload(urlOf(turn), name, content);
      const oneMore = await upload(urlOf(turn + 1), name, content);
      if (again.status !== 201 || again.json.sha256 !== hash('sha256', content)) {
        broken.push(`${name}, sent again: ${again.status} ${again.bytes}`);
      }
      for (const other of [cut, oneMore]) {
        if (other !== null && !other.bytes.equals(again.bytes)) broken.push(`${name} has another answer when repeated`);
      }
      const mismatch = await upload(urlOf(turn), name, `${content}!`);
      if (mismatch.status === 422 && mismatch.json.code === 'idempotency_key_reused') {
        counts['refused for another body'] += 1;
      } else broken.push(`${name} with another body: ${mismatch.status}`);
    };
    const limit = pLimit(uploadsAtOnce);
    await Promise.all(Array.from({ length: uploads }, (_, turn) => limit(() => uploadOnce(turn))));

    for (let race = 0; race < races; race++) {
      const name = `race-${race}`;
      const answers = await Promise.all(
        Array.from({ length: concurrentRequests }, (_, turn) => upload(urlOf(turn), name, name)),
      );
      const ids = new Set(answers.filter(({ status }) => status === 201).map(({ json }) => json.id));
      if (ids.size !== 1) broken.push(`${name} made ${ids.size} documents`);
      for (const { status, json } of answers) {
        if (status === 409 && json.code === 'idempotency_in_progress') counts['answered in progress'] += 1;
        else if (status !== 201) broken.push(`${name} was answered ${status}`);
      }
    }

    const titles = (await installation.read('SELECT title FROM documents')).map(({ title }) => String(title));
    if (titles.length !== uploads + races) broken.push(`${titles.length} documents of ${uploads + races}`);
    if (new Set(titles).size !== titles.length) broken.push('some documents are there twice');
    broken.push(...(await brokenRules(installation)));
    if (counts.unanswered === 0) broken.push('no answer was cut, so nothing was tried');
    return { counts: { uploads, races, ...counts, 'answers cut': proxy.cuts(), documents: titles.length }, broken };
  },
};
