import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const dist = join(import.meta.dirname, '../dist');
/** JavaScript of a first visit, gzipped. */
const limitBytes = 200_000;

type Manifest = Record<string, { file: string; imports?: string[]; dynamicImports?: string[]; isEntry?: boolean }>;

test('a first visit to any page loads at most 200 kB of JavaScript, gzipped', () => {
  const manifest: Manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8'));
  const entry = manifest['index.html'];
  assert.ok(entry?.isEntry);
  const pages = (entry.dynamicImports ?? []).filter((name) => name.endsWith('-page.tsx'));
  assert.ok(pages.length >= 11, 'each page of the router is a chunk of its own');
  for (const page of pages) {
    const files = new Set([...withImports(manifest, 'index.html'), ...withImports(manifest, page)]);
    let bytes = 0;
    for (const file of files) bytes += readFileSync(join(dist, `${file}.gz`)).length;
    assert.ok(bytes <= limitBytes, `${page}: ${bytes} bytes in ${files.size} files`);
  }
});

/** Returns the files of a module and of all it imports statically. */
function withImports(manifest: Manifest, name: string, seen = new Set<string>()): Set<string> {
  const chunk = manifest[name];
  assert.ok(chunk, name);
  if (seen.has(chunk.file)) return seen;
  seen.add(chunk.file);
  for (const each of chunk.imports ?? []) withImports(manifest, each, seen);
  return seen;
}
