import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startInksong, temporaryFolder } from '../run-inksong.ts';
import { databaseSettings } from '../test-database.ts';

const root = join(import.meta.dirname, '../../..');
const unit = readFileSync(join(root, 'deploy/inksong.service'), 'utf8');

test('systemd finds nothing wrong with the unit', (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'inksong.service');
  writeFileSync(path, unit.replaceAll('/opt/inksong', root));
  const { status, stderr, stdout } = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
  const told = `${stdout}${stderr}`.split('\n').filter((line) => line.includes(path) || line.includes('inksong'));
  assert.deepEqual(told, []);
  assert.equal(status, 0, stderr);
});

test('the unit’s command serves with nothing but the unit’s environment, and ends in order on the unit’s signal', async (t) => {
  const [, command = ''] = /^ExecStart=(.*)$/m.exec(unit) ?? [];
  const [program = '', ...words] = command.replaceAll('/opt/inksong', root).split(' ');
  const folder = temporaryFolder(t);
  const environment = { ...(await databaseSettings(t, folder)), PORT: '0', INKSONG_DATA_DIR: folder };
  const running = startInksong(t, [], {
    command: [
      'env',
      '-i',
      ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      program,
      ...words,
    ],
    directory: folder,
  });
  await running.seen(/Inksong is up/);
  // KillMode=mixed: to the main process alone, which `env` has become.
  running.signal('SIGTERM');
  assert.equal((await running.finished).code, 0);
});

test('the container files say that they are not tested, and start a program that is there', () => {
  for (const name of ['Dockerfile', 'compose.yaml']) {
    assert.match(readFileSync(join(root, 'deploy', name), 'utf8'), /^# Not run here: /);
  }
  const dockerfile = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8');
  const [, path = ''] = /^ENTRYPOINT \["node", "\/opt\/inksong\/(.*)"\]$/m.exec(dockerfile) ?? [];
  assert.ok(existsSync(join(root, path)), path);
});
