// Writes src/openapi-types.ts anew from what the server says of itself: `npm run generate -w client`.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import openapiTypescript, { astToString } from 'openapi-typescript';

const program = join(import.meta.dirname, '../server/bin/inksong.js');

/** Where the generated types are. */
export const typesFile = join(import.meta.dirname, 'src/openapi-types.ts');

/** Returns the text of `src/openapi-types.ts` for the server as it is now. Throws when the server's command fails. */
export async function generateTypes(): Promise<string> {
  const document = execFileSync(process.execPath, [program, 'openapi'], {
    encoding: 'utf8',
    // Whoever generates may have settings of a server of their own, or a .env file, which the document must not depend on.
    env: {},
    cwd: import.meta.dirname,
    maxBuffer: 16 * 1024 ** 2,
  });
  const nodes = await openapiTypescript(document);
  return `// Generated from the server's OpenAPI document by \`npm run generate -w client\`; do not edit.\n\n${astToString(nodes)}`;
}

if (import.meta.main) writeFileSync(typesFile, await generateTypes());
