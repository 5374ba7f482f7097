import { useEffect, useState } from 'react';
import { localTime, relativeTime } from './time-text.ts';

/** A moment in the reader's own time, with the exact UTC on hover. `relative` says "2 min ago" and keeps it true. */
export function Time({ at, relative = false }: { at: string; relative?: boolean }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!relative) return;
    const timer = setInterval(() => setNow(Date.now()), 15_000);
    return () => clearInterval(timer);
  }, [relative]);
  // Data may be younger than the last tick.
  const elapsedMs = Math.max(now, Date.now()) - Date.parse(at);
  return (
    <time dateTime={at} title={`${at.replace('T', ' ').replace(/\.\d+Z$/, '')} UTC`} className="whitespace-nowrap">
      {relative ? relativeTime(elapsedMs) : localTime(at)}
    </time>
  );
}
