import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConfigError, defaultPublicUrl, readConfig, readEnvironment } from './config.ts';
import { isLoopback } from './loopback.ts';
import { settings } from './settings.ts';

const secret = 'openssl rand -base64 32 makes better ones';

/** Returns every fault, none when the environment is fine. */
function faultsOf(environment: Record<string, string>): readonly string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.faults;
  }
}

function fault(environment: Record<string, string>): string {
  const faults = faultsOf(environment);
  assert.equal(faults.length, 1, `${JSON.stringify(environment)} → ${faults}`);
  return faults[0] ?? '';
}

/** Values that must each keep the server from starting, whatever else is set. */
const unsafe: Record<string, string[]> = {
  PORT: ['-1', '65536', '8080x', '0x50', '1e3', ' ', '80.5', '９'],
  INKSONG_PUBLIC_URL: [
    'example.com',
    'ftp://example.com',
    'http://example.com',
    'https://example.com/api',
    'https://x/?a',
  ],
  DATABASE_URL: ['postgres://localhost/inksong', 'mysql://localhost', 'http://localhost/x'],
  INKSONG_WORKERS: ['0', '-1', '65', '1.5', 'many', '2', '64', 'auto'],
  INKSONG_SECRET: ['short', 'x'.repeat(31), 'é'.repeat(15)],
  INKSONG_SECRET_PREVIOUS: ['short'],
  INKSONG_SIGNUP: ['yes', 'OPEN', 'true'],
  INKSONG_MAX_DOCUMENT_BYTES: ['0', '-1', '25MiB', '1e9', '9'.repeat(20)],
  INKSONG_ACCOUNT_QUOTA_BYTES: ['0', 'unlimited', '1_000'],
  INKSONG_TRUSTED_PROXIES: ['proxy', '10.0.0.5/24', '10.0.0.1,', '0.0.0.0/0', '10.0.0.1, ::/0', '*', 'loopback', '1'],
  INKSONG_CLIENT_IP_HEADER: ['x-real-ip', 'X-Forwarded-For', 'forwarded,x-forwarded-for'],
  LOG_LEVEL: ['verbose', 'INFO', '30'],
};

test('without any setting it listens on loopback, with sign-up open and everything in ./data', () => {
  const config = readConfig({});
  assert.deepEqual(
    { host: config.host, port: config.port, publicUrl: config.publicUrl, signup: config.signup, secret: config.secret },
    { host: '127.0.0.1', port: 8080, publicUrl: 'http://localhost:8080', signup: 'open', secret: null },
  );
  assert.deepEqual(config.database, { engine: 'sqlite', path: join(config.dataDirectory, 'inksong.db') });
  assert.deepEqual(readConfig(Object.fromEntries(settings.map(({ name }) => [name, '']))), config, 'empty means unset');
});

test('no proxy is trusted unless it is named; those named are read strictly, in one spelling', () => {
  assert.deepEqual(readConfig({}).proxies, { trusted: [], header: 'x-forwarded-for' });
  const named = {
    INKSONG_TRUSTED_PROXIES: '127.0.0.1 , 2001:DB8::/32,10.0.0.0/8',
    INKSONG_CLIENT_IP_HEADER: 'forwarded',
  };
  assert.deepEqual(readConfig(named).proxies, {
    trusted: ['127.0.0.1', '2001:db8::/32', '10.0.0.0/8'],
    header: 'forwarded',
  });
  assert.match(fault({ INKSONG_TRUSTED_PROXIES: '10.0.0.5/24' }), /did you mean 10\.0\.0\.0\/24\?/);
});

test('every unsafe value is refused by a sentence that names its setting', () => {
  for (const [name, values] of Object.entries(unsafe)) {
    for (const value of values) {
      const sentence = fault({ [name]: value });
      assert.ok(sentence.startsWith(`${name} `) && sentence.endsWith('.'), sentence);
    }
  }
});

test('all that is wrong is named at once, each once', () => {
  const someUnsafe = fc
    .subarray(Object.keys(unsafe), { minLength: 1 })
    .chain((names) =>
      fc.record(Object.fromEntries(names.map((name) => [name, fc.constantFrom(...(unsafe[name] ?? []))]))),
    );
  const unknown = fc.uniqueArray(fc.stringMatching(/^INKSONG_X[A-Z_]{0,20}$/), { maxLength: 4 });
  fc.assert(
    fc.property(someUnsafe, unknown, (environment, unknownNames) => {
      const all = { ...environment, ...Object.fromEntries(unknownNames.map((name) => [name, '1'])) };
      const named = faultsOf(all).map((sentence) => sentence.split(' ', 1)[0]);
      assert.deepEqual(named.toSorted(), Object.keys(all).toSorted());
    }),
  );
});

test('any INKSONG_ name that is no setting is refused, and a slip of the pen is told what was meant', () => {
  const known = new Set([
    ...settings.map(({ name }) => name),
    ...['INKSONG_SECRET_FILE', 'INKSONG_SECRET_PREVIOUS_FILE', 'INKSONG_API_KEY'],
  ]);
  const oneOff = fc
    .tuple(
      fc.constantFrom(...[...known].filter((name) => name.startsWith('INKSONG_'))),
      fc.nat(),
      fc.constantFrom(...'AZ_'),
    )
    .map(([name, at, letter]) => {
      const index = 'INKSONG_'.length + (at % (name.length - 'INKSONG_'.length));
      return name.slice(0, index) + letter + name.slice(index + 1);
    })
    .filter((name) => !known.has(name));
  fc.assert(
    fc.property(oneOff, (name) => assert.match(fault({ [name]: secret }), new RegExp(`^${name} is not a setting`))),
  );

  assert.match(fault({ INKSONG_SIGN: 'closed' }), /did you mean INKSONG_SIGNUP\?/);
  assert.match(fault({ INKSONG_SIGNUPS: 'closed' }), /did you mean INKSONG_SIGNUP\?/);
  assert.match(fault({ INKSONG_PORT: '8080' }), /did you mean PORT\?/);
  assert.match(fault({ INKSONG_LOG_LEVEL: 'debug' }), /did you mean LOG_LEVEL\?/);
  assert.match(fault({ INKSONG_METRICS: 'on' }), /not a setting of this version/);
  assert.match(fault({ INKSONG_SERVICE_HOSTNAME: 'a' }), /not a setting of this version/);
});

test('what container orchestrators set for a service of our name does not keep the server from starting', () => {
  const links = {
    INKSONG_API_KEY: 'ink_of_somebody_else’s_program',
    INKSONG_PORT: 'tcp://10.0.0.7:8080',
    INKSONG_PORT_8080_TCP: 'tcp://10.0.0.7:8080',
    INKSONG_PORT_8080_TCP_ADDR: '10.0.0.7',
    INKSONG_PORT_8080_TCP_PORT: '8080',
    INKSONG_PORT_8080_TCP_PROTO: 'tcp',
    INKSONG_SERVICE_HOST: '10.0.0.7',
    INKSONG_SERVICE_PORT: '8080',
    INKSONG_SERVICE_PORT_HTTP: '8080',
    INKSONG_DB_SERVICE_HOST: '10.0.0.8',
    INKSONG_DB_PORT: 'tcp://10.0.0.8:5432',
    INKSONG_DB_PORT_5432_TCP_ADDR: '10.0.0.8',
  };
  assert.deepEqual(faultsOf(links), []);
  assert.equal(readConfig(links).port, 8080);
});

test('off loopback the public URL and the sign-up rule must be set, and plain http is refused', () => {
  for (const host of ['0.0.0.0', '::', '192.168.1.5', '10.0.0.1', 'example.com', '127.0.0.1.example.com']) {
    assert.equal(faultsOf({ HOST: host }).length, 2, host);
    const set = { HOST: host, INKSONG_PUBLIC_URL: 'https://api.example.com', INKSONG_SIGNUP: 'closed' };
    assert.deepEqual(faultsOf(set), []);
    assert.match(fault({ ...set, INKSONG_PUBLIC_URL: 'http://api.example.com' }), /must be https/);
  }
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost', 'inksong.localhost']) {
    assert.ok(isLoopback(host) && faultsOf({ HOST: host }).length === 0, host);
    const url = defaultPublicUrl(host, 8080);
    assert.deepEqual(faultsOf({ HOST: host, INKSONG_PUBLIC_URL: url }), [], `the default ${url} is one that is taken`);
  }
  for (const url of [
    'http://192.168.1.5:8080',
    'http://localhost.example.com',
    'http://127.0.0.1.example.com',
    'http://[::2]',
  ]) {
    assert.match(fault({ INKSONG_PUBLIC_URL: url }), /must be https/, url);
  }
  for (const url of [
    'http://localhost:3000',
    'http://127.0.0.1:8080',
    'http://[::1]:8080',
    'https://api.example.com',
  ]) {
    assert.equal(readConfig({ INKSONG_PUBLIC_URL: url }).publicUrl, url);
    assert.equal(readConfig({ INKSONG_PUBLIC_URL: `${url}/` }).publicUrl, url, 'stored without the slash');
  }
});

test('several workers need PostgreSQL, and the refusal says why; auto is one for each core', () => {
  assert.match(fault({ INKSONG_WORKERS: '2' }), /^INKSONG_WORKERS must be 1 on SQLite: one process at a time writes/);
  assert.equal(readConfig({ INKSONG_WORKERS: '1' }).workers, 1);
  const onPostgres = {
    DATABASE_URL: 'postgres://inksong@127.0.0.1/inksong',
    INKSONG_SECRET: secret,
    INKSONG_PUBLIC_URL: 'https://api.example.com',
  };
  assert.equal(readConfig(onPostgres).workers, 1);
  assert.equal(readConfig({ ...onPostgres, INKSONG_WORKERS: '64' }).workers, 64);
  assert.equal(readConfig({ ...onPostgres, INKSONG_WORKERS: 'auto' }).workers, Math.min(availableParallelism(), 64));
  assert.match(fault({ ...onPostgres, INKSONG_WORKERS: '65' }), /^INKSONG_WORKERS must be a whole number from 1 to 64/);
});

test('a secret has 32 bytes or more, comes from one place, and is never repeated in a fault', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), (value) => {
      const faults = faultsOf({ INKSONG_SECRET: value });
      assert.equal(faults.length > 0, Buffer.byteLength(value) < 32);
      if (value.length > 8) assert.ok(!faults.join('\n').includes(value));
    }),
  );
  const dsn = 'postgres://inksong:a-password-of-the-database@db/inksong';
  assert.doesNotMatch(fault({ DATABASE_URL: dsn }), /a-password/);
  assert.doesNotMatch(fault({ INKSONG_SECRETS: secret }), new RegExp(secret));
});

test('a _FILE beside a secret names a file that holds it, its last line break aside', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'inksong-config-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'secret');
  for (const ending of ['', '\n', '\r\n']) {
    writeFileSync(file, secret + ending);
    const config = readConfig({ INKSONG_SECRET_FILE: file, INKSONG_SECRET_PREVIOUS_FILE: file });
    assert.deepEqual([config.secret, config.previousSecret], [secret, secret]);
  }
  assert.match(fault({ INKSONG_SECRET_FILE: file, INKSONG_SECRET: secret }), /both set/);
  assert.match(fault({ INKSONG_SECRET_FILE: join(directory, 'none') }), /^INKSONG_SECRET_FILE .*ENOENT/);
  assert.match(fault({ INKSONG_SECRET_FILE: directory }), /^INKSONG_SECRET_FILE .*EISDIR/);
  writeFileSync(file, 'short\n');
  assert.match(fault({ INKSONG_SECRET_FILE: file }), /shorter than 32 bytes/);
  assert.match(fault({ LOG_LEVEL_FILE: file, INKSONG_SIGNUP_FILE: file }), /^INKSONG_SIGNUP_FILE is not a setting/);
});

test('a .env file adds to the environment and never overrules it', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'inksong-config-'));
  t.after(() => rmSync(directory, { recursive: true }));
  assert.deepEqual(readEnvironment({ PORT: '1' }, directory), { PORT: '1' });
  writeFileSync(join(directory, '.env'), 'PORT=2\nHOST="::1" # the other loopback\n');
  assert.deepEqual(readEnvironment({ PORT: '1' }, directory), { PORT: '1', HOST: '::1' });
});

test('on PostgreSQL the secret and the public URL must be set, and a URL that is not understood is not repeated', (t) => {
  const url = 'postgres://ada:hunter2@localhost/inksong';
  assert.deepEqual(faultsOf({ DATABASE_URL: url }), [
    'INKSONG_SECRET must be set on PostgreSQL, the same on every node; make one with: openssl rand -base64 32.',
    'INKSONG_PUBLIC_URL must be set on PostgreSQL, the same on every node.',
  ]);
  const shared = { INKSONG_SECRET: 's'.repeat(32), INKSONG_PUBLIC_URL: 'https://api.example.com' };
  const config = readConfig({ ...shared, DATABASE_URL: url, INKSONG_DATABASE_CONNECTIONS: '20' });
  assert.deepEqual([config.database.engine, config.databaseConnections], ['postgres', 20]);
  assert.equal(readConfig({}).databaseConnections, 10);
  assert.match(
    faultsOf({ INKSONG_DATABASE_CONNECTIONS: '1' }).join(),
    /INKSONG_DATABASE_CONNECTIONS must be .* 2 to 1000/,
  );
  const faults = faultsOf({ ...shared, DATABASE_URL: `${url}?sslmode=require`, PORT: 'x' });
  assert.equal(faults.length, 2);
  assert.match(faults.join(), /DATABASE_URL has sslmode=require/);
  assert.doesNotMatch(faults.join(), /hunter2/);

  const folder = mkdtempSync(join(tmpdir(), 'inksong-config-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'url');
  writeFileSync(file, `${url}\n`);
  assert.deepEqual(readConfig({ ...shared, DATABASE_URL_FILE: file }).database, config.database);
});
