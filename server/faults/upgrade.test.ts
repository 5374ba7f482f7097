import { test } from 'node:test';
import { smallRun } from './instruments/small-run.ts';
import { upgrade } from './upgrade.ts';

test(upgrade.shows, (t) => smallRun(t, upgrade));
