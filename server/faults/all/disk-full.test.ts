import { test } from 'node:test';
import { diskFull } from '../disk-full.ts';
import { smallRun } from '../instruments/small-run.ts';

test(diskFull.shows, (t) => smallRun(t, diskFull));
