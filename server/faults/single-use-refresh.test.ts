import { test } from 'node:test';
import { smallRun } from './instruments/small-run.ts';
import { singleUseRefresh } from './single-use-refresh.ts';

test(singleUseRefresh.shows, (t) => smallRun(t, singleUseRefresh));
