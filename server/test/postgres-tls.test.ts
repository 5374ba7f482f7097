import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sql } from '#kysely';
import { openDatabase } from '../src/database/database.ts';
import { parseDatabaseUrl } from '../src/database/database-url.ts';
import { temporaryDirectory } from './boot.ts';
import { type Cluster, startCluster } from './postgres-cluster.ts';
import { runInksong } from './run-inksong.ts';

let cluster: Cluster;
before(async () => {
  cluster = await startCluster();
});
after(() => cluster.remove());

/** Makes a CA and a certificate of it for some names, with the openssl that every machine has. */
function certify(folder: string, ca: string, names: string): { ca: string; certificate: string; key: string } {
  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'pipe' });
  const days = ['-days', '2', '-nodes', '-newkey', 'rsa:2048'];
  openssl('req', '-x509', ...days, '-keyout', `${ca}.key`, '-out', `${ca}.crt`, '-subj', `/CN=${ca}`);
  openssl('req', ...days.slice(2), '-keyout', `${ca}-server.key`, '-out', `${ca}.csr`, '-subj', '/CN=server');
  writeFileSync(join(folder, `${ca}.ext`), `subjectAltName=${names}`);
  openssl(
    'x509',
    '-req',
    '-in',
    `${ca}.csr`,
    '-CA',
    `${ca}.crt`,
    '-CAkey',
    `${ca}.key`,
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    `${ca}.ext`,
    '-out',
    `${ca}-server.crt`,
  );
  const path = (name: string): string => join(folder, name);
  return { ca: path(`${ca}.crt`), certificate: path(`${ca}-server.crt`), key: path(`${ca}-server.key`) };
}

/** Has the server show a certificate from its next connection on. */
async function show({ certificate, key }: { certificate: string; key: string }): Promise<void> {
  for (const [source, name] of [
    [certificate, 'server.crt'],
    [key, 'server.key'],
  ] as const) {
    const target = join(cluster.folder, name);
    writeFileSync(target, readFileSync(source));
    chmodSync(target, 0o600);
    if (cluster.owner) chownSync(target, cluster.owner.uid, cluster.owner.gid);
  }
  const configuration = join(cluster.folder, 'postgresql.conf');
  writeFileSync(configuration, `${readFileSync(configuration, 'utf8')}\nssl = on\n`);
  await cluster.stop();
  await cluster.start();
}

/** Returns whether a connection in use is encrypted; throws what connecting threw. */
async function isEncrypted(host: string, options: string): Promise<boolean> {
  const { password, port } = new URL(cluster.url);
  const database = openDatabase(parseDatabaseUrl(`postgres://inksong:${password}@${host}:${port}/postgres?${options}`));
  try {
    const { rows } = await sql<{ ssl: boolean }>`SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`.execute(
      database.query,
    );
    return rows[0]?.ssl === true;
  } finally {
    await database.close();
  }
}

test('verify-full takes the right CA and name, and nothing else', async (t) => {
  const folder = temporaryDirectory(t);
  const ours = certify(folder, 'ours', 'DNS:localhost');
  const theirs = certify(folder, 'theirs', 'DNS:localhost,IP:127.0.0.1');
  await assert.rejects(isEncrypted('localhost', `sslmode=verify-full&sslrootcert=${ours.ca}`), (error: Error) =>
    /does not support SSL/.test(String(error.cause)),
  );

  await show(ours);
  assert.equal(await isEncrypted('localhost', `sslmode=verify-full&sslrootcert=${ours.ca}`), true);
  assert.equal(await isEncrypted('localhost', 'sslmode=disable'), false);
  const refused = async (host: string, options: string, code: RegExp) => {
    await assert.rejects(
      isEncrypted(host, options),
      ({ code: outage, cause }: { code: string; cause: { code: string } }) => {
        assert.equal(outage, 'unavailable');
        assert.match(cause.code, code);
        return true;
      },
    );
  };
  await refused('localhost', `sslmode=verify-full&sslrootcert=${theirs.ca}`, /SIGNATURE|CERT/);
  await refused('localhost', 'sslmode=verify-full', /CERT|UNABLE/);
  // The certificate names localhost, not this address.
  await refused('127.0.0.1', `sslmode=verify-full&sslrootcert=${ours.ca}`, /ALTNAME/);

  await show(theirs);
  await refused('localhost', `sslmode=verify-full&sslrootcert=${ours.ca}`, /SIGNATURE|CERT/);
  assert.equal(
    await isEncrypted('127.0.0.1', `sslmode=verify-full&sslrootcert=${theirs.ca}`),
    true,
    'an address in the certificate',
  );

  const { password, port } = new URL(cluster.url);
  const { code, stdout, stderr } = await runInksong(t, ['doctor'], {
    environment: {
      INKSONG_DATA_DIR: folder,
      INKSONG_SECRET: 'a secret for tests that is long enough',
      INKSONG_PUBLIC_URL: 'http://localhost:8080',
      DATABASE_URL: `postgres://inksong:${password}@localhost:${port}/postgres?sslmode=verify-full&sslrootcert=${ours.ca}`,
    },
  });
  assert.equal(code, 1);
  assert.match(stdout, /^✗ database: The server at .* does not prove that it is localhost \(\w+\): check sslrootcert/m);
  assert.ok(!(stdout + stderr).includes(password));
});
