import { useEffect, useState } from 'react';

/**
 * Returns what a one-time link carries after its `#`, which is then taken out of the address bar and the history. A link
 * pasted over the address of the open page changes only the fragment and loads nothing: it is taken up like the first.
 */
export function useLinkFragment(): URLSearchParams {
  const [values, setValues] = useState(readFragment);
  useEffect(() => {
    const takeUp = (): void => {
      if (!location.hash) return;
      setValues(readFragment());
      history.replaceState(history.state, '', location.pathname + location.search);
    };
    takeUp();
    addEventListener('hashchange', takeUp);
    return () => removeEventListener('hashchange', takeUp);
  }, []);
  return values;
}

function readFragment(): URLSearchParams {
  return new URLSearchParams(location.hash.slice(1));
}
