import { InksongSession } from '@inksong/client';
import { useSyncExternalStore } from 'react';

/** The one session of this tab. Its access token lives inside it, in memory; the refresh token is the browser's. */
export const inksong = new InksongSession();

/**
 * - `restoring`: not known yet; a page may have been opened from another site, which sends no SameSite=Strict cookie.
 * - `left`: signed out on purpose, here; whoever signs in next has no wish to be on the page that was left.
 * - `unreachable`: the server could not be asked; it is being asked again.
 */
export type SessionState = 'restoring' | 'signed-in' | 'signed-out' | 'left' | 'unreachable';

const retryMs = [1_000, 2_000, 5_000, 10_000];

let state: SessionState = 'restoring';
let isLeaving = false;
let retry: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

inksong.subscribe((change) => become(change === 'signed-out' && isLeaving ? 'left' : change));
// The browser tells when the network is back; waiting for the next try would only look broken.
addEventListener('online', () => {
  if (state === 'unreachable') void restoreSession();
});

/** Asks the server whether this browser is signed in, again and again while it cannot be reached. */
export async function restoreSession(failures = 0): Promise<void> {
  clearTimeout(retry);
  try {
    become((await inksong.restore()) ? 'signed-in' : 'signed-out');
  } catch {
    // Somebody may have signed in meanwhile, which is the newer word.
    if (inksong.isSignedIn) return;
    become('unreachable');
    retry = setTimeout(() => void restoreSession(failures + 1), retryMs[Math.min(failures, retryMs.length - 1)]);
  }
}

/** Does what ends the session on purpose. Throws what that throws; the session then goes on. */
export async function leave(end: () => Promise<void>): Promise<void> {
  isLeaving = true;
  try {
    await end();
  } finally {
    isLeaving = false;
  }
}

export function useSessionState(): SessionState {
  return useSyncExternalStore(subscribe, () => state);
}

function become(next: SessionState): void {
  if (next === state) return;
  state = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
