import { test } from 'node:test';
import { clockSkew } from '../clock-skew.ts';
import { smallRun } from '../instruments/small-run.ts';

test(clockSkew.shows, (t) => smallRun(t, clockSkew));
