import type { Session } from '@inksong/client';
import { MonitorSmartphone } from 'lucide-react';
import { Button } from '../ui/button.tsx';
import { Time } from '../ui/time.tsx';

export function SessionRow({ session, onEnd }: { session: Session; onEnd: () => void }) {
  const { device, address, created_at, last_active_at, current, user_agent } = session;
  return (
    <li className="flex items-center gap-4 py-4 first:pt-0 last:pb-0">
      <MonitorSmartphone size={20} className="hidden shrink-0 text-muted sm:block" aria-hidden />
      <div className="min-w-0 grow">
        <p className="flex flex-wrap items-center gap-x-2.5 gap-y-1 font-medium">
          <span title={user_agent} className="min-w-0 wrap-anywhere">
            {device}
          </span>
          {current && <span className="rounded-full bg-accent-soft px-2.5 py-0.5 text-xs">This session</span>}
        </p>
        <p className="mt-1 flex flex-wrap gap-x-4 gap-y-0.5 text-sm text-muted">
          <span className="font-mono wrap-anywhere">{address}</span>
          <span>
            Active <Time at={last_active_at} relative />
          </span>
          <span>
            Signed in <Time at={created_at} />
          </span>
        </p>
      </div>
      {!current && (
        <Button onClick={onEnd} aria-label={`End the session of ${device}, ${address}`}>
          End
        </Button>
      )}
    </li>
  );
}
