import { Migrator } from '#kysely/migration';
import { openDatabase } from '../src/database/database.ts';
import { parseDatabaseUrl } from '../src/database/database-url.ts';
import { migrations } from '../src/database/migration-list.ts';
import { runInksong } from '../test/run-inksong.ts';
import type { Experiment } from './instruments/experiment.ts';
import { seededRandom } from './instruments/findings.ts';
import { createInstallation, type DatabaseReader } from './instruments/installation.ts';

const names = Object.keys(migrations);
/** More statements than any upgrade has, to end a run that would go on for ever. */
const mostStatements = 2_000;

/** Kills an upgrade before one of its statements after the other, and starts an older program on a newer database. */
export const upgrade: Experiment<{ versions: number; stride: number }> = {
  shows:
    'an upgrade that is killed anywhere leaves the old schema or the new one, and an older program refuses a newer one',
  engines: ['sqlite', 'postgres'],
  // From so many older versions, killed before every so many statements.
  small: { versions: 2, stride: 12 },
  full: { versions: names.length, stride: 1 },
  planted: {
    what: 'the upgrade runs outside its transaction',
    file: 'database/migrate.ts',
    replace: 'const { error, results = [] } = await migratorOn(trx).migrateToLatest();',
    by: 'await sql`COMMIT`.execute(trx); const { error, results = [] } = await migratorOn(trx).migrateToLatest(); await sql`BEGIN`.execute(trx);',
  },

  async run(run, { versions, stride }) {
    const random = seededRandom(run.seed);
    const broken: string[] = [];
    let kills = 0;
    let finished = 0;
    let latest: string | null = null;
    // From nothing, then from the later versions, as many as are asked for.
    const from = [null, ...names.slice(0, -1).toReversed()].slice(0, versions);
    for (const version of from) {
      const installation = await createInstallation(run);
      const { folder, settings } = installation;
      const environment = { ...settings, INKSONG_DATA_DIR: folder, INKSONG_PUBLIC_URL: 'http://localhost' };
      const database = openDatabase(parseDatabaseUrl(settings.DATABASE_URL ?? ''));
      if (version !== null) {
        const provider = { getMigrations: async () => migrations };
        const { error } = await new Migrator({ db: database.query, provider }).migrateTo(version);
        if (error) throw error;
      }
      await database.close();

      const before = await schemaOf(installation);
      for (let statement = 1 + Math.floor(random() * stride); statement < mostStatements; statement += stride) {
        const { code, stderr } = await runInksong(run, ['migrate'], {
          environment: {
            ...environment,
            FAULTS_KILL_AT: String(statement),
            NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${import.meta.resolve('./instruments/kill-at-statement.ts')}`,
          },
        });
        if (code === 0) break;
        if (code !== null) broken.push(`from ${version}, statement ${statement}: ended with ${code}: ${stderr}`);
        kills += 1;
        const now = await schemaOf(installation);
        // Killed after its commit, it is done.
        if (now === latest) break;
        if (now !== before) {
          if (latest === null && (await namesOf(installation)).length === names.length) break;
          broken.push(`from ${version}, killed at statement ${statement}: neither the old schema nor the new one`);
          break;
        }
      }
      const { code, stderr } = await runInksong(run, ['migrate'], { environment });
      if (code !== 0) broken.push(`from ${version}: the next start ended with ${code}: ${stderr}`);
      const after = await schemaOf(installation);
      latest ??= after;
      if (after !== latest) broken.push(`from ${version} comes another schema than from nothing`);
      finished += 1;

      await installation.change("INSERT INTO kysely_migration (name, timestamp) VALUES ('9999-later', '2099-01-01')");
      const older = await runInksong(run, ['serve'], { environment: { ...environment, PORT: '0' } });
      if (older.code !== 1 || !/belongs to a newer Inksong \(it has 9999-later\)/.test(older.stderr)) {
        broken.push(`an older program on a newer database: ${older.code} ${older.stderr}`);
      }
    }
    return { counts: { 'versions upgraded': finished, kills, 'newer databases refused': finished }, broken };
  },
};

/** Returns the migrations that a database says it has had. */
async function namesOf({ read }: DatabaseReader): Promise<string[]> {
  return (await read('SELECT name FROM kysely_migration')).map(({ name }) => String(name));
}

/** Returns all that a database says of its tables, indexes and migrations, as text. */
async function schemaOf({ engine, read }: DatabaseReader): Promise<string> {
  const parts =
    engine === 'sqlite'
      ? await read('SELECT name, sql FROM sqlite_schema ORDER BY name')
      : [
          ...(await read(
            `SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
             WHERE table_schema = 'public' ORDER BY table_name, column_name`,
          )),
          ...(await read("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexdef")),
        ];
  const isMigrated = parts.some((part) => Object.values(part).includes('kysely_migration'));
  const applied = isMigrated ? await read('SELECT name FROM kysely_migration ORDER BY name') : [];
  return JSON.stringify([parts, applied]);
}
