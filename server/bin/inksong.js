#!/usr/bin/env node
// Read by any Node from 12 on, so that an old one gets a sentence instead of a syntax error: nothing is imported
// before its version is known.

var version = process.versions.node;

if (Number(version.split('.')[0]) < 24) {
  process.stderr.write(
    `Inksong needs Node 24 or newer; this is ${version}. \`npm start\` in its folder brings its own.\n`,
  );
  process.exitCode = 1;
} else {
  void Promise.all([import('node:fs'), import('node:module'), import('node:v8')]).then(([fs, nodeModule, v8]) => {
    if (!fs.existsSync(new URL('../dist/packages/kysely.js', import.meta.url))) {
      process.stderr.write(
        'Inksong is not installed here: `npm ci` in its folder does it, with install scripts allowed.\n',
      );
      process.exitCode = 1;
      return;
    }
    // Before the compile cache, which keeps apart what was compiled under other flags. See src/thrifty-start.ts.
    if (process.argv[2] === 'serve') {
      for (const flag of ['--semi-space-growth-factor=1', '--no-maglev', '--no-turbofan']) v8.setFlagsFromString(flag);
    }
    // Stripping types and compiling costs more than half of a start; where the folder cannot be written, nothing is kept.
    nodeModule.enableCompileCache(new URL('../../node_modules/.cache/inksong', import.meta.url).pathname);
    return import('../src/cli/cli.ts').then((cli) => cli.run(process.argv.slice(2)));
  });
}
