import { test } from 'node:test';
import { smallRun } from '../instruments/small-run.ts';
import { rollingRestarts } from '../rolling-restarts.ts';

test(rollingRestarts.shows, (t) => smallRun(t, rollingRestarts));
