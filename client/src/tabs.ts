import { isBrowser } from './browser.ts';

/** The tabs of one browser that share the cookie of one server; elsewhere, just this one. */
export interface Tabs {
  /** Runs `task` while no other tab, nor another task here, is at the cookie. Returns and throws what it does. */
  exclusively<T>(task: () => Promise<T>): Promise<T>;
  tellSignedOut(): void;
}

/** @param onSignedOut called when another tab has told so */
export function createTabs(baseUrl: string, onSignedOut: () => void): Tabs {
  // On a server each session has cookies of its own: what happens to one is none of the others' business.
  if (!isBrowser()) return { exclusively: createQueue(), tellSignedOut: () => {} };
  const name = `inksong:${baseUrl}`;
  const channel = typeof BroadcastChannel === 'function' ? new BroadcastChannel(name) : null;
  channel?.addEventListener('message', ({ data }) => {
    if (data === 'signed-out') onSignedOut();
  });
  const locks = navigator.locks as LockManager | undefined;
  return {
    exclusively: locks ? async (task) => locks.request(name, task) : createQueue(),
    tellSignedOut: () => channel?.postMessage('signed-out'),
  };
}

function createQueue(): Tabs['exclusively'] {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => {});
    return result;
  };
}
