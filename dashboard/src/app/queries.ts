import { InksongConnectionError, InksongError } from '@inksong/client';
import { QueryClient } from '@tanstack/react-query';

/** Everything the dashboard has read from the API. Emptied when the session ends. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, error) => failures < 3 && mayPass(error),
      // The browser's own "online" is wrong on loopback and behind captive portals: ask the server instead.
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
});

/** Tells whether asking again may help: the server was not reached, or said that it could not answer now. */
function mayPass(error: Error): boolean {
  return error instanceof InksongConnectionError || (error instanceof InksongError && error.status >= 500);
}
