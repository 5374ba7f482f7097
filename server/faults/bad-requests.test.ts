import { test } from 'node:test';
import { badRequests } from './bad-requests.ts';
import { smallRun } from './instruments/small-run.ts';

test(badRequests.shows, (t) => smallRun(t, badRequests));
