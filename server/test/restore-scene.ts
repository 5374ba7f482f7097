import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { bootServer, type TestAccount, type TestServer } from './boot.ts';
import { parseMail } from './mailbox.ts';
import { type Finished, runInksong, temporaryFolder } from './run-inksong.ts';

export interface RestoreScene {
  server: TestServer;
  ada: TestAccount;
  /** Made when ada had one document, `old`, and an invitation for bob was open. */
  backup: string;
  /** bob's, of before the backup. */
  invitation: string;
  /** Of a link mailed to ada before the backup. */
  resetToken: string;
  restore(...options: string[]): Promise<Finished>;
  titles(key: string): Promise<string[]>;
}

/** A running server, with a backup of how it was a moment ago. */
export async function restoreScene(t: TestContext): Promise<RestoreScene> {
  const server = await bootServer(t);
  const { environment } = server;
  const ada = await server.register('ada@example.com');
  await server.call('POST', '/documents/', { key: ada.apiKey, json: { title: 'old', content: 'old' } });
  const { token } = await server.services.accounts.invite('bob@example.com');
  await server.call('POST', '/auth/password/forgot', { json: { email: ada.email } });
  await server.services.outbox.deliverDue();
  const folder = join(server.config.dataDirectory, 'outbox');
  const [mail = ''] = readdirSync(folder);
  const { token: resetToken } = parseMail(readFileSync(join(folder, mail), 'utf8'), []);
  await server.call('POST', '/auth/email/verify/resend', { json: { email: 'still-to-be-mailed@example.com' } });
  const backup = join(temporaryFolder(t), 'inksong.db');
  const made = await runInksong(t, ['backup', backup], { environment });
  assert.equal(made.code, 0, made.stderr);
  return {
    server,
    ada,
    backup,
    invitation: token,
    resetToken,
    restore: (...options) => runInksong(t, ['restore', backup, ...options], { environment }),
    async titles(key) {
      const answer = await server.call('GET', '/documents/', { key });
      assert.equal(answer.status, 200, String(answer.bytes));
      return answer.json.items.map(({ title }: { title: string }) => title);
    },
  };
}

/** Makes a SQLite file of Inksong large enough for what is done with it to be seen on its way: 48 MiB that the account does not show. */
export function enlarge(path: string, accountId: string): void {
  const file = new DatabaseSync(path);
  file.exec(
    `INSERT INTO content_versions (id, account_id, size, released_at) VALUES ('ver_ballast', '${accountId}', 0, 1)`,
  );
  file.exec(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 191)
    INSERT INTO content_chunks (version_id, seq, bytes) SELECT 'ver_ballast', i, randomblob(262144) FROM n`);
  file.close();
}
