import { test } from 'node:test';
import { backups } from './backups.ts';
import { smallRun } from './instruments/small-run.ts';

test(backups.shows, (t) => smallRun(t, backups));
