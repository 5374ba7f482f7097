import { useEffect, useState } from 'react';

/** Returns what a one-time link carries after its `#`, which is then taken out of the address bar and the history. */
export function useLinkFragment(): URLSearchParams {
  const [values] = useState(() => new URLSearchParams(location.hash.slice(1)));
  useEffect(() => {
    if (location.hash) history.replaceState(history.state, '', location.pathname + location.search);
  }, []);
  return values;
}
