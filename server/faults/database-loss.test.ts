import { test } from 'node:test';
import { databaseLoss } from './database-loss.ts';
import { smallRun } from './instruments/small-run.ts';

test(databaseLoss.shows, (t) => smallRun(t, databaseLoss));
