import { test } from 'node:test';
import { smallRun } from './instruments/small-run.ts';
import { kill } from './kill.ts';

test(kill.shows, (t) => smallRun(t, kill));
