import { test } from 'node:test';
import { smallRun } from './instruments/small-run.ts';
import { retrySafety } from './retry-safety.ts';

test(retrySafety.shows, (t) => smallRun(t, retrySafety));
