import { closeSync, openSync, writeSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** Overwrites the root page of a table or index. */
export function damagePage(path: string, name: string): void {
  const file = new DatabaseSync(path);
  const root = Number(file.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').get(name)?.rootpage);
  file.close();
  const pageBytes = 4096;
  const descriptor = openSync(path, 'r+');
  writeSync(descriptor, Buffer.alloc(pageBytes, 0xff), 0, pageBytes, (root - 1) * pageBytes);
  closeSync(descriptor);
}
