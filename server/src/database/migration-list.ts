import type { Migration } from 'kysely/migration';
import { initial } from './migrations/0001-initial.ts';
import { lifecycle } from './migrations/0002-lifecycle.ts';

/** Every migration by name, in order. A released one is never changed. */
export const migrations: Record<string, Migration> = {
  '0001-initial': initial,
  '0002-lifecycle': lifecycle,
};
