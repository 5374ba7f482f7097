import assert from 'node:assert/strict';
import { globSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../src/config/config.ts';
import { bootServer } from './boot.ts';
import { program, runInksong, temporaryFolder } from './run-inksong.ts';
import { codeBlocks } from './samples.ts';

const root = join(import.meta.dirname, '../..');
const pages = ['README.md', ...globSync('docs/*.md', { cwd: root }).sort()];
const isCommand = /npm run (?:--silent )?inksong -- /;

test('every inksong command of the pages succeeds beside a running server', async (t) => {
  const server = await bootServer(t);
  await server.register('you@example.com');
  const folder = temporaryFolder(t);
  let count = 0;
  for (const page of pages) {
    // Each page's reader starts without a backup by that name.
    const own = mkdtempSync(join(folder, 'page-'));
    for (const { language, code, place } of codeBlocks(page)) {
      const lines = code.split('\n').filter((line) => isCommand.test(line));
      if (lines.length > 0) assert.equal(language, 'sh', `${place} is not marked as sh`);
      for (const line of lines) {
        const command = line
          .replace(isCommand, `"${process.execPath}" "${program}" `)
          .replaceAll('/var/backups', own)
          .replaceAll('/tmp/drill', join(own, 'drill'));
        // On a terminal these two ask first.
        const asks = / (?:restore|keys allow) /.test(command) && !command.includes('--yes');
        const { code, stdout, stderr } = await runInksong(t, ['-c', asks ? `${command} --yes` : command], {
          command: ['bash'],
          directory: own,
          environment: server.environment,
        });
        assert.equal(code, 0, `${place}: ${line}\n${stdout}${stderr}`);
        count += 1;
      }
    }
  }
  assert.ok(count >= 8);
});

test('every .env sample of the pages is one that the server starts with', () => {
  const samples = pages
    .flatMap(codeBlocks)
    .filter(({ language, code }) => language === 'env' || /^INKSONG_/.test(code));
  assert.ok(samples.length >= 2);
  for (const { language, code, place } of samples.filter(({ code }) => !isCommand.test(code))) {
    assert.equal(language, 'env', `${place} is not marked as env`);
    const settings = code
      .trim()
      .split('\n')
      .map((line): [string, string] => {
        const at = line.indexOf('=');
        return [line.slice(0, at), line.slice(at + 1)];
      });
    readConfig(Object.fromEntries(settings));
  }
});
