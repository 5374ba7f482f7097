import { backups } from './backups.ts';
import { badRequests } from './bad-requests.ts';
import { clockSkew } from './clock-skew.ts';
import { databaseLoss } from './database-loss.ts';
import { diskFull } from './disk-full.ts';
import type { Experiment } from './instruments/experiment.ts';
import { kill } from './kill.ts';
import { killAtSync } from './kill-at-sync.ts';
import { mixedVersions } from './mixed-versions.ts';
import { nodeLoss } from './node-loss.ts';
import { retrySafety } from './retry-safety.ts';
import { revocation } from './revocation.ts';
import { rollingRestarts } from './rolling-restarts.ts';
import { singleUseRefresh } from './single-use-refresh.ts';
import { syncedAnswers } from './synced-answers.ts';
import { upgrade } from './upgrade.ts';

/** By the name under which `npm run faults` runs each. */
// biome-ignore lint/suspicious/noExplicitAny: each has sizes of its own.
export const experiments: Record<string, Experiment<any>> = {
  revocation,
  'single-use-refresh': singleUseRefresh,
  'database-loss': databaseLoss,
  'rolling-restarts': rollingRestarts,
  'node-loss': nodeLoss,
  kill,
  'kill-at-sync': killAtSync,
  'synced-answers': syncedAnswers,
  'disk-full': diskFull,
  'bad-requests': badRequests,
  'clock-skew': clockSkew,
  backups,
  upgrade,
  'mixed-versions': mixedVersions,
  'retry-safety': retrySafety,
};
