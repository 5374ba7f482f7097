import { test } from 'node:test';
import { smallRun } from '../instruments/small-run.ts';
import { syncedAnswers } from '../synced-answers.ts';

test(syncedAnswers.shows, (t) => smallRun(t, syncedAnswers));
