import { test } from 'node:test';
import { smallRun } from './instruments/small-run.ts';
import { mixedVersions } from './mixed-versions.ts';

test(mixedVersions.shows, (t) => smallRun(t, mixedVersions));
