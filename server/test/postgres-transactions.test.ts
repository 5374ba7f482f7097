import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import pg from 'pg';
import { sql } from '#kysely';
import { AppError } from '../src/app-error.ts';
import { logOnCommit } from '../src/database/database.ts';
import { longestConnectionLine } from '../src/database/postgres-pool.ts';
import { statementRun } from '../src/database/statement-run.ts';
import { bootServer, type TestServer, temporaryDirectory } from './boot.ts';

/** A row of its own to read and write: counters of limits take any key. */
const counter = (server: TestServer, key: string, points: number) =>
  server.services.database.query.insertInto('limit_counters').values({ key, points, expires_at: null }).execute();

const pointsOf = async (server: TestServer, key: string): Promise<number | undefined> =>
  (
    await server.services.database.query
      .selectFrom('limit_counters')
      .select('points')
      .where('key', '=', key)
      .executeTakeFirst()
  )?.points;

/** Two servers on one database. */
async function twoNodes(t: Parameters<typeof bootServer>[0]): Promise<[TestServer, TestServer]> {
  const INKSONG_DATA_DIR = temporaryDirectory(t);
  return [await bootServer(t, { INKSONG_DATA_DIR }), await bootServer(t, { INKSONG_DATA_DIR })];
}

test('what a transaction has read is still so when it commits: of parallel read-then-writes none is lost', async (t) => {
  const nodes = await twoNodes(t);
  await counter(nodes[0], 'count', 0);
  const increment = ({ services }: TestServer) =>
    services.database.transaction(async (trx) => {
      const { points } = await trx
        .selectFrom('limit_counters')
        .select('points')
        .where('key', '=', 'count')
        .executeTakeFirstOrThrow();
      await trx
        .updateTable('limit_counters')
        .set({ points: points + 1 })
        .where('key', '=', 'count')
        .execute();
    });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 30 }, (_, n) => increment(nodes[n % 2] as TestServer)),
  );
  const done = outcomes.filter(({ status }) => status === 'fulfilled').length;
  assert.equal(await pointsOf(nodes[0], 'count'), done);
  assert.ok(done > 0);
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') assert.equal((outcome.reason as AppError).code, 'unavailable');
  }
});

test('many parallel uploads of one account wait for each other, and none is lost or refused', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const content = 'x'.repeat(600_000);
  const statuses = await Promise.all(
    Array.from({ length: 30 }, async (_, n) => {
      const json = { title: `number ${n}`, content };
      return (await server.call('POST', '/documents/', { key: account.apiKey, json })).status;
    }),
  );
  assert.deepEqual(new Set(statuses), new Set([201]));
  const usage = await server.services.database.query.selectFrom('storage_usage').selectAll().executeTakeFirstOrThrow();
  assert.deepEqual([usage.document_count, usage.document_bytes, usage.stored_bytes], [30, 18_000_000, 18_000_000]);
});

test('uploads of one account that wait for each other leave the connections to everybody else', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const { database } = server.services;
  const held = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  // As a chunk of one more upload that takes its time.
  const holding = database.lockingTransaction(async (trx) => {
    await trx.updateTable('storage_usage').set({ stored_bytes: 0 }).where('account_id', '=', account.id).execute();
    locked.resolve();
    await held.promise;
  });
  await locked.promise;
  const uploads = Array.from({ length: 20 }, async (_, n) => {
    const json = { title: `number ${n}`, content: 'text' };
    return (await server.call('POST', '/documents/', { key: account.apiKey, json })).status;
  });
  const begun = async () => (await database.query.selectFrom('content_versions').select('id').execute()).length;
  try {
    while ((await begun()) < uploads.length) await setImmediate();
    for (let read = 0; read < 50; read++) await database.probe();
  } finally {
    held.resolve();
  }
  await holding;
  assert.deepEqual(new Set(await Promise.all(uploads)), new Set([201]));
});

test('two transactions that each look for what the other writes do not both succeed unseen', async (t) => {
  const nodes = await twoNodes(t);
  // "At most one of the two may exist": no row conflicts, so only what was read can tell.
  let arrived = 0;
  const both = Promise.withResolvers<void>();
  const claim = ({ services }: TestServer, mine: string, other: string) =>
    services.database.transaction(async (trx) => {
      const taken = await trx.selectFrom('limit_counters').select('key').where('key', '=', other).execute();
      if (++arrived === 2) both.resolve();
      await both.promise;
      if (taken.length > 0) return false;
      await trx.insertInto('limit_counters').values({ key: mine, points: 1, expires_at: null }).execute();
      return true;
    });
  const claimed = await Promise.all([claim(nodes[0], 'left', 'right'), claim(nodes[1], 'right', 'left')]);
  assert.deepEqual(claimed.toSorted(), [false, true]);
});

test('a transaction that is undone because of others is run anew, its log lines are told once, and its own errors are not retried', async (t) => {
  const server = await bootServer(t);
  const { database } = server.services;
  let runs = 0;
  await database.transaction(async (trx) => {
    logOnCommit(trx, (log) => log.info('told once'));
    if (++runs < 3) throw conflict('40001');
    await sql`SELECT 1`.execute(trx);
  });
  assert.equal(runs, 3);
  assert.equal(server.logLines.filter((line) => line.includes('told once')).length, 1);

  runs = 0;
  await assert.rejects(
    database.transaction(async () => {
      runs++;
      throw new AppError('not_found');
    }),
    { code: 'not_found' },
  );
  assert.equal(runs, 1);
});

test('a transaction that others never let through is given up as 503', async (t) => {
  const { database } = (await bootServer(t)).services;
  for (const code of ['40001', '40P01']) {
    await assert.rejects(
      database.transaction(async () => {
        throw conflict(code);
      }),
      { code: 'unavailable', retryAfterSeconds: 1 },
    );
  }
});

test('a statement whose failure goes unnoticed in a transaction does not let it pass for committed', async (t) => {
  const server = await bootServer(t);
  await assert.rejects(
    server.services.database.transaction(async (trx) => {
      await trx.insertInto('limit_counters').values({ key: 'half', points: 1, expires_at: null }).execute();
      await sql`SELECT 1 / 0`.execute(trx).catch(() => {});
    }),
    /rolled back/,
  );
  assert.equal(await pointsOf(server, 'half'), undefined);
});

test('a statement that waits for a lock too long is 503, and leaves the connection good', async (t) => {
  const nodes = await twoNodes(t);
  await counter(nodes[0], 'locked', 0);
  const held = Promise.withResolvers<void>();
  const update = (server: TestServer, then: () => Promise<void>) =>
    server.services.database.transaction(async (trx) => {
      await trx.updateTable('limit_counters').set({ points: 1 }).where('key', '=', 'locked').execute();
      await then();
    });
  const locked = Promise.withResolvers<void>();
  const holding = update(nodes[0], async () => {
    locked.resolve();
    await held.promise;
  });
  await locked.promise;
  try {
    await assert.rejects(
      update(nodes[1], async () => {}),
      { code: 'unavailable' },
    );
  } finally {
    held.resolve();
  }
  await holding;
  await update(nodes[1], async () => {});
});

test('whoever waits for a connection is served in turn, and one too many is refused at once', async (t) => {
  const { database } = (await bootServer(t, { INKSONG_DATABASE_CONNECTIONS: '2' })).services;
  const held = Promise.withResolvers<void>();
  const taken = Promise.withResolvers<void>();
  const holding = database.transaction(async (trx) => {
    await sql`SELECT 1`.execute(trx);
    taken.resolve();
    await held.promise;
  });
  await taken.promise;
  const served: number[] = [];
  const waiting = Array.from({ length: longestConnectionLine }, async (_, n) => {
    await database.probe();
    served.push(n);
  });
  await assert.rejects(database.probe(), { code: 'unavailable', retryAfterSeconds: 1 });
  assert.deepEqual(served, [], 'it was not told late');
  held.resolve();
  await Promise.all([holding, ...waiting]);
  assert.deepEqual(
    served,
    Array.from({ length: longestConnectionLine }, (_, n) => n),
  );
});

test('whoever waits for a connection for too long is refused, and later ones are served', async (t) => {
  const { database } = (await bootServer(t, { INKSONG_DATABASE_CONNECTIONS: '2' })).services;
  const held = Promise.withResolvers<void>();
  const holding = database.transaction(() => held.promise);
  await assert.rejects(database.probe(), { code: 'unavailable', retryAfterSeconds: 1 });
  held.resolve();
  // By then the server may have ended it: it has stood still for as long.
  await holding.catch(() => {});
  await database.probe();
});

test('using the database inside a transaction without its trx is loud', async (t) => {
  const { database } = (await bootServer(t)).services;
  await assert.rejects(
    database.transaction(() => database.query.selectFrom('accounts').select('id').execute()),
    /without its `trx`/,
  );
  await assert.rejects(
    database.transaction(() => database.transaction(async () => {})),
    /inside a transaction/,
  );
});

test('numbers, bytes, null and text come back as they went in, and text is ordered by its bytes', async (t) => {
  const { database } = (await bootServer(t)).services;
  const far = 8_640_000_000_000_000;
  const keys = ['a', 'B', 'ä', 'Z', '_', '~', '0', '\u{1f600}'];
  for (const key of keys) {
    await database.query.insertInto('limit_counters').values({ key, points: 1, expires_at: far }).execute();
  }
  const rows = await database.query.selectFrom('limit_counters').selectAll().orderBy('key').execute();
  assert.deepEqual(
    rows.map(({ key }) => key),
    keys.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other))),
  );
  for (const { expires_at: at, points } of rows) assert.deepEqual([at, points], [far, 1]);
  const { total } = await database.query
    .selectFrom('limit_counters')
    .select((eb) => eb.fn.sum<number>('expires_at').as('total'))
    .where('key', '=', 'a')
    .executeTakeFirstOrThrow();
  assert.equal(total, far);
  await database.query
    .insertInto('content_versions')
    .values({ id: 'ver_1', account_id: 'a', size: 0, released_at: null })
    .execute();
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  await database.query.insertInto('content_chunks').values({ version_id: 'ver_1', seq: 0, bytes }).execute();
  const chunk = await database.query.selectFrom('content_chunks').select('bytes').executeTakeFirstOrThrow();
  assert.deepEqual(Uint8Array.from(chunk.bytes), bytes);
});

test('credentials that are asked for together are read together, each answered for itself', async (t) => {
  const server = await bootServer(t);
  const accounts = [await server.register(), await server.register(), await server.register()];
  const { apiKeys } = server.services;
  const lookUps: string[] = [];
  t.after(
    statementRun.listen(({ sql: text }) => {
      if (/"api_keys"."hash" in/.test(text)) lookUps.push(text);
    }),
  );
  const unknown = `ink_${'0'.repeat(48)}`;
  const asked = Array.from({ length: 200 }, (_, n) => accounts[n % 4]?.apiKey ?? unknown);
  const found = await Promise.all(asked.map((key) => apiKeys.verify(key, '127.0.0.1')));
  assert.deepEqual(
    found.map((owner) => owner?.accountId),
    asked.map((_, n) => accounts[n % 4]?.id),
  );
  assert.ok(lookUps.length < 20, `${lookUps.length} statements for 200 look-ups`);
  lookUps.length = 0;
  await apiKeys.verify(accounts[0]?.apiKey ?? '', '127.0.0.1');
  assert.deepEqual(
    lookUps.map((text) => text.match(/in \(\$1\)/)?.length),
    [1],
    'one alone is a plain statement',
  );
});

test('no statement has a name, and nothing is left in a session: it works behind PgBouncer in transaction mode', async (t) => {
  const submitted: { name?: unknown; text: string }[] = [];
  const original = pg.Query.prototype.submit;
  t.mock.method(
    pg.Query.prototype,
    'submit',
    function (this: pg.Query & { name?: unknown; text: string }, connection: never) {
      submitted.push(this);
      return original.call(this, connection);
    },
  );
  const server = await bootServer(t);
  const account = await server.register();
  await server.login(account);
  await server.call('POST', '/documents/', { key: account.apiKey, json: { title: 'one', content: 'text' } });
  await server.call('GET', '/documents/?q=one', { key: account.apiKey });
  await server.call('POST', '/auth/refresh', { refreshToken: account.refreshToken });
  assert.ok(submitted.length > 20);
  for (const { name, text } of submitted) {
    // The test's own.
    if (/^(CREATE|DROP) DATABASE /.test(text)) continue;
    assert.equal(name, undefined, text);
    // Of a session, and so of whoever has it next: SET but SET LOCAL, LISTEN, temporary tables, cursors, session locks.
    assert.doesNotMatch(
      text,
      /\bSET (?!LOCAL)[a-z_]+ =|\bLISTEN\b|\bTEMP|\bDECLARE\b|pg_advisory_lock|\bPREPARE\b/,
      text,
    );
    assert.doesNotMatch(text, /set_config\([^)]*false\)/i, text);
  }
});

function conflict(code: string): Error {
  const error = new pg.DatabaseError('planted', 0, 'error');
  error.code = code;
  return error;
}
