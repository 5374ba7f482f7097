import { test } from 'node:test';
import { smallRun } from './instruments/small-run.ts';
import { revocation } from './revocation.ts';

test(revocation.shows, (t) => smallRun(t, revocation));
