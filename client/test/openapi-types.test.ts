import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { generateTypes, typesFile } from '../generate.ts';

test('the generated types are those of the server’s OpenAPI document as it is now', async () => {
  const hint = 'src/openapi-types.ts has drifted: npm run generate -w client';
  assert.ok(readFileSync(typesFile, 'utf8') === (await generateTypes()), hint);
});
