import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { experiments } from './experiments.ts';
import { plant } from './instruments/planted-defect.ts';

for (const [name, { planted }] of Object.entries(experiments)) {
  test(`the defect that ${name} must find can be planted: ${planted.what}`, () => {
    plant(readFileSync(join(import.meta.dirname, '../src', planted.file), 'utf8'), planted);
  });
}
