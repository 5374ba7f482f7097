// Makes a file or two each of the packages that are hundreds of modules, for the server: to a process every module of
// whatever length costs some tens of kilobytes and a fraction of a millisecond of its start. Names and statements stay
// readable in a stack trace. npm runs this whenever it has installed something, so that what is here is never older than
// the packages. See docs/decisions/0021-memory.md; server/package.json says what the files stand for.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

const server = join(dirname(dirname(fileURLToPath(import.meta.url))), 'server');

await build({
  cwd: server,
  platform: 'node',
  input: { kysely: 'kysely', 'kysely-migration': 'kysely/migration', typebox: 'typebox' },
  output: {
    dir: join(server, 'dist/packages'),
    cleanDir: true,
    chunkFileNames: '[name].js',
    comments: false,
  },
});
