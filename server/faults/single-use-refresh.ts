import assert from 'node:assert/strict';
import { goodPassword } from '../test/boot.ts';
import type { Experiment } from './instruments/experiment.ts';
import { seededRandom } from './instruments/findings.ts';
import { createInstallation } from './instruments/installation.ts';
import { startNodes } from './instruments/nodes.ts';
import { brokenRules } from './instruments/stored-rules.ts';
import { createAsker, type TimedAnswer } from './instruments/timed-request.ts';

const parallel = 10;
/** How many refreshes ago a replayed token was used. */
const ages = [1, 2, 10];
const chainLength = 11;
/** More than a repeated refresh is answered for. */
const pastGraceMs = 11_000;

/** Refreshes in parallel on all nodes, and presents tokens again that were used before. */
export const singleUseRefresh: Experiment<{ nodes: number; rounds: number; replays: number }> = {
  shows:
    'a refresh token has one successor, the same for all who ask at once, and one used long ago ends its session alone',
  engines: ['postgres', 'sqlite'],
  small: { nodes: 3, rounds: 100, replays: 6 },
  full: { nodes: 3, rounds: 2_000, replays: 500 },
  planted: {
    what: 'a refresh reads whether its token was used, and then notes its use',
    file: 'auth/sessions/session-store.ts',
    replace: `database.transaction(async (trx): Promise<Rotation> => {
        // The condition in the UPDATE decides the race: of parallel requests exactly one finds the token unused.
        const used = await trx
          .updateTable('refresh_tokens')
          .set({ used_at: now, successor_nonce: nonce })
          .where('hash', '=', presentedHash)
          .where('used_at', 'is', null)
`,
    // Not serializable, or PostgreSQL would find the conflict for it.
    by: `database.lockingTransaction(async (trx): Promise<Rotation> => {
        const token = await trx
          .selectFrom('refresh_tokens')
          .select('used_at')
          .where('hash', '=', presentedHash)
          .executeTakeFirst();
        if (token?.used_at !== null) return presentedAgain(trx, presentedHash, device);
        const used = await trx
          .updateTable('refresh_tokens')
          .set({ used_at: now, successor_nonce: nonce })
          .where('hash', '=', presentedHash)
`,
  },

  async run(run, { nodes: count, rounds, replays }) {
    const random = seededRandom(run.seed);
    const installation = await createInstallation(run);
    const nodes = await startNodes(installation, count);
    const asker = createAsker();
    run.after(() => asker.close());
    const broken: string[] = [];
    const api = () => `${nodes[Math.floor(random() * nodes.length)]?.url}/api/v1`;
    const refresh = (token: string): Promise<TimedAnswer> =>
      asker.ask(`${api()}/auth/refresh`, 'POST', { refreshToken: token });
    const account = { email: 'refreshing@example.com', password: goodPassword };
    const registered = await asker.ask(`${api()}/auth/register`, 'POST', { json: account });
    assert.equal(registered.status, 201, String(registered.bytes));

    let token = registered.cookie ?? '';
    let done = 0;
    for (; done < rounds && broken.length === 0; done++) {
      const answers = await Promise.all(Array.from({ length: parallel }, () => refresh(token)));
      const successors = new Set(answers.map(({ cookie }) => cookie));
      const refused = answers.filter(({ status }) => status !== 200);
      if (refused.length > 0) broken.push(`round ${done}: ${refused.map(({ status }) => status)}`);
      if (successors.size !== 1) broken.push(`round ${done}: ${successors.size} successors`);
      token = [...successors][0] ?? '';
    }
    broken.push(...(await brokenRules(installation)));

    const signIn = async (): Promise<string> => {
      const answer = await asker.ask(`${api()}/auth/login`, 'POST', { json: account });
      assert.equal(answer.status, 200, String(answer.bytes));
      return answer.cookie ?? '';
    };
    let other = await signIn();
    let ended = 0;
    for (let replay = 0; replay < replays && broken.length === 0; replay++) {
      const chain = [await signIn()];
      while (chain.length < chainLength) chain.push((await refresh(chain.at(-1) ?? '')).cookie ?? '');
      await installation.change(
        'UPDATE refresh_tokens SET used_at = used_at - ? WHERE used_at IS NOT NULL',
        pastGraceMs,
      );
      const age = ages[replay % ages.length] ?? 1;
      const replayed = await refresh(chain.at(-1 - age) ?? '');
      if (replayed.status !== 401) broken.push(`a token of ${age} refreshes ago was answered ${replayed.status}`);
      const current = await refresh(chain.at(-1) ?? '');
      if (current.status !== 401) broken.push(`its session goes on: ${current.status}`);
      const untouched = await refresh(other);
      if (untouched.status !== 200) broken.push(`another session of the account ended: ${untouched.status}`);
      other = untouched.cookie ?? '';
      ended += 1;
    }
    const events = await installation.read("SELECT id FROM events WHERE kind = 'refresh_reuse'");
    if (events.length !== ended) broken.push(`${events.length} reuse events of ${ended}`);
    return {
      counts: { rounds: done, 'refreshes at once': parallel, 'replays, each of which ended one session': ended },
      broken,
    };
  },
};
