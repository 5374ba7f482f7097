import { test } from 'node:test';
import { smallRun } from '../instruments/small-run.ts';
import { nodeLoss } from '../node-loss.ts';

test(nodeLoss.shows, (t) => smallRun(t, nodeLoss));
