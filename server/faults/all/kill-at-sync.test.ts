import { test } from 'node:test';
import { smallRun } from '../instruments/small-run.ts';
import { killAtSync } from '../kill-at-sync.ts';

test(killAtSync.shows, (t) => smallRun(t, killAtSync));
