import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { describeAddress, parseDatabaseUrl } from './database-url.ts';

test('a path or file: URL is a SQLite file', () => {
  for (const [value, path] of [
    ['data/x.db', resolve('data/x.db')],
    ['/var/x.db', '/var/x.db'],
    ['file:x.db', resolve('x.db')],
    ['file:///var/x.db', '/var/x.db'],
  ] as const) {
    assert.deepEqual(parseDatabaseUrl(value), { engine: 'sqlite', path });
  }
});

test('every part of a postgres:// URL is understood, percent-encoded or not', () => {
  assert.deepEqual(parseDatabaseUrl('postgres://ada:p%40ss%3A@db.example.com:5433/ink%20song?sslmode=disable'), {
    engine: 'postgres',
    host: 'db.example.com',
    port: 5433,
    database: 'ink song',
    user: 'ada',
    password: 'p@ss:',
    tls: null,
  });
  const defaults = { engine: 'postgres', port: 5432, database: 'inksong', user: 'ada', password: null, tls: null };
  for (const [value, host] of [
    ['postgresql://ada@localhost/inksong', 'localhost'],
    ['postgres://ada@127.0.0.1/inksong', '127.0.0.1'],
    ['postgres://ada@[::1]/inksong', '::1'],
    ['postgres:///inksong?host=/run/postgresql&user=ada', '/run/postgresql'],
    ['postgres://ada@%2Frun%2Fpostgresql/inksong', '/run/postgresql'],
  ] as const) {
    assert.deepEqual(parseDatabaseUrl(value), { ...defaults, host });
  }
});

test('verify-full needs no file, or reads the one it is given', async (t) => {
  const url = 'postgres://ada@db.example.com/inksong?sslmode=verify-full';
  const tlsOf = (value: string) => (parseDatabaseUrl(value) as { tls: unknown }).tls;
  assert.deepEqual(tlsOf(url), { ca: null });
  assert.deepEqual(tlsOf(`${url}&sslrootcert=system`), { ca: null });
  const folder = await mkdtemp(join(tmpdir(), 'inksong-url-'));
  t.after(() => rm(folder, { recursive: true }));
  writeFileSync(join(folder, 'ca.pem'), 'a certificate');
  assert.deepEqual(tlsOf(`${url}&sslrootcert=${folder}/ca.pem`), { ca: 'a certificate' });
  assert.throws(() => tlsOf(`${url}&sslrootcert=${folder}/none.pem`), /cannot be read \(ENOENT\)$/);
});

test('what is unsafe or unclear is refused, and the password is in no message', () => {
  for (const [value, said] of [
    ['mysql://ada:hunter2@localhost/x', /must be the path of a SQLite file/],
    ['postgres://ada:hunter2@db.example.com/x', /must say how db\.example\.com is reached: sslmode=verify-full/],
    ['postgres://ada:hunter2@db.example.com/x?sslmode=require', /sslmode=require, which does not protect/],
    ['postgres://ada:hunter2@db.example.com/x?sslmode=verify-ca', /sslmode=verify-ca, which does not protect/],
    ['postgres://ada:hunter2@localhost/x?sslmode=prefer', /sslmode=prefer, which does not protect/],
    ['postgres://ada:hunter2@localhost/x?sslrootcert=/ca.pem', /which only sslmode=verify-full looks at/],
    ['postgres:///x?host=/run/postgresql&user=ada&sslmode=verify-full', /on a Unix socket, which has no TLS/],
    ['postgres://ada:hunter2@localhost/', /must name one database/],
    ['postgres://ada:hunter2@localhost/x/y', /must name one database/],
    ['postgres://localhost/x', /names no user/],
    ['postgres:///x', /names no host/],
    ['postgres://ada:hunter2@localhost:99999/x', /must look like postgres:/],
    ['postgres://ada:hunter2@localhost/x?port=0', /must have a port from 1 to 65535/],
    ['postgres:///x?host=one,two&user=ada', /must name one host/],
    ['postgres://ada:hunter2@localhost/x?statement_timeout=5', /has an option statement_timeout; known are/],
    ['postgres://ada:hunter2%@localhost/x', /percent-encoded/],
    ['postgres://ada:hunt#er2@localhost/x', /must look like|names no host|names no user|must name one/],
  ] as const) {
    assert.throws(
      () => parseDatabaseUrl(value),
      ({ message }: Error) => said.test(message) && !/hunt/.test(message),
      value,
    );
  }
});

test('for people, an address is written without its password', () => {
  const described = (value: string) => describeAddress(parseDatabaseUrl(value));
  assert.equal(described('postgres://ada:hunter2@[::1]/inksong'), 'inksong on [::1]:5432 as ada');
  assert.equal(
    described('postgres:///inksong?host=/run/postgresql&user=ada'),
    'inksong on the socket in /run/postgresql (port 5432) as ada',
  );
  assert.equal(described('/var/x.db'), '/var/x.db');
});
