import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from './boot.ts';

const root = join(import.meta.dirname, '../..');

/** What a file may not import where the architecture says so. */
const imports = {
  fastify: ['fastify', '@fastify/cors'],
  kysely: ['#kysely', '#kysely/migration'],
  manyModules: ['kysely', 'kysely/migration', 'typebox'],
  jose: ['jose', 'jose/jwt/verify'],
  sqlite: ['node:sqlite', 'pg'],
  tests: ['../test/boot.ts', '../../../test/boot.ts'],
  sessions: ['../sessions/sessions.ts', '../auth/sessions/sessions.ts'],
  apiKeys: ['../api-keys/api-keys.ts', '../auth/api-keys/api-keys.ts'],
  otherPackages: ['../../server/src/app.ts', '../../client/src/index.ts'],
  rooms: ['app', 'sign-in', 'home', 'api-key', 'documents', 'activity', 'account'].map((room) => `../${room}/page.tsx`),
};
type Import = keyof typeof imports;
const anywhere: string[] = ['#typebox', './fastify.ts', '../kysely-types.ts', '@inksong/client', './latest/x.ts'];

const forbidden: Record<string, readonly Import[]> = {
  'server/src/main.ts': ['manyModules', 'fastify', 'kysely', 'jose', 'sqlite', 'tests'],
  'server/src/app.ts': ['manyModules', 'kysely', 'jose', 'sqlite', 'tests'],
  'server/src/http/server.ts': ['manyModules', 'kysely', 'jose', 'sqlite', 'tests'],
  'server/src/documents/documents.ts': ['manyModules', 'fastify', 'kysely', 'jose', 'sqlite', 'tests'],
  'server/src/documents/document-routes.ts': ['manyModules', 'kysely', 'jose', 'sqlite', 'tests'],
  'server/src/documents/document-store.ts': ['manyModules', 'fastify', 'jose', 'sqlite', 'tests'],
  'server/src/documents/documents.test.ts': ['manyModules'],
  'server/src/database/database.ts': ['manyModules', 'fastify', 'jose', 'tests'],
  'server/src/database/migrations/0001-initial.ts': ['manyModules', 'fastify', 'jose', 'tests'],
  'server/src/auth/api-keys/api-keys.ts': ['manyModules', 'fastify', 'kysely', 'jose', 'sqlite', 'tests', 'sessions'],
  'server/src/auth/api-keys/api-key-routes.ts': ['manyModules', 'kysely', 'jose', 'sqlite', 'tests', 'sessions'],
  'server/src/auth/api-keys/api-key-store.ts': ['manyModules', 'fastify', 'jose', 'sqlite', 'tests', 'sessions'],
  'server/src/auth/api-keys/api-key.test.ts': ['manyModules'],
  'server/src/auth/sessions/sessions.ts': ['manyModules', 'fastify', 'kysely', 'jose', 'sqlite', 'tests', 'apiKeys'],
  'server/src/auth/sessions/session-routes.ts': ['manyModules', 'kysely', 'jose', 'sqlite', 'tests', 'apiKeys'],
  'server/src/auth/sessions/session-store.ts': ['manyModules', 'fastify', 'jose', 'sqlite', 'tests', 'apiKeys'],
  'server/src/auth/sessions/access-token.ts': ['manyModules', 'fastify', 'kysely', 'sqlite', 'tests', 'apiKeys'],
  'server/test/boot.ts': ['manyModules'],
  'client/src/index.ts': [],
  'dashboard/src/home/home-page.tsx': ['otherPackages'],
  'dashboard/src/ui/button.tsx': ['otherPackages', 'rooms', 'sessions'],
};

/** Every way to import something; a file may use each name once. */
const forms: ((from: string, name: string) => string)[] = [
  (from, name) => `import { a as a${name} } from '${from}';`,
  (from, name) => `import type { B as B${name} } from "${from}";`,
  (from) => `import '${from}';`,
  (from, name) => `export { c as c${name} } from '${from}';`,
  (from) => `export * from '${from}';`,
  (from, name) => `export const d${name} = await import('${from}');`,
];

test('every arrow of the architecture is enforced: each forbidden import is refused, and no other', (t) => {
  const project = temporaryDirectory(t);
  const { vcs: _, ...config } = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'));
  writeFileSync(join(project, 'biome.json'), JSON.stringify(config));
  cpSync(join(root, 'lint'), join(project, 'lint'), { recursive: true });
  const lines = [...Object.values(imports).flat(), ...anywhere].flatMap((from, index) =>
    forms.map((form) => ({ from, text: form(from, String(index)) })),
  );
  for (const path of Object.keys(forbidden)) {
    mkdirSync(dirname(join(project, path)), { recursive: true });
    writeFileSync(join(project, path), lines.map(({ text }) => text).join('\n'));
  }

  const biome = join(root, 'node_modules/.bin/biome');
  const args = ['lint', '--reporter=json', '--max-diagnostics=none'];
  const { stdout, stderr } = spawnSync(biome, args, { cwd: project, encoding: 'utf8', maxBuffer: 2 ** 28 });
  const refused = new Set<string>();
  for (const { category, severity, message, location } of JSON.parse(stdout || stderr).diagnostics) {
    assert.notEqual(category, 'parse', message);
    if (category !== 'plugin') continue;
    // A rule that is broken itself says so, but lets everything pass.
    assert.equal(severity, 'error', message);
    refused.add(`${location.path}: ${lines[location.start.line - 1]?.text}`);
  }
  const expected = Object.entries(forbidden).flatMap(([path, kinds]) => {
    const names = kinds.flatMap((kind) => imports[kind]);
    return lines.filter(({ from }) => names.includes(from)).map(({ text }) => `${path}: ${text}`);
  });
  assert.ok(expected.length > 500);
  assert.deepEqual([...refused].sort(), [...new Set(expected)].sort());
});
