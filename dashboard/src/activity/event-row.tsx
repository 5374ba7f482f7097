import type { AccountEvent } from '@inksong/client';
import { CircleCheck, CircleX, TriangleAlert } from 'lucide-react';
import { Time } from '../ui/time.tsx';
import { deviceText } from './device-text.ts';
import { eventText, type Result } from './event-text.ts';

const results: Record<Result, { label: string; icon: typeof CircleCheck; className: string }> = {
  done: { label: 'Done', icon: CircleCheck, className: 'bg-good-soft text-good' },
  refused: { label: 'Refused', icon: CircleX, className: 'bg-warn-soft text-warn' },
  alert: { label: 'Look into it', icon: TriangleAlert, className: 'bg-danger-soft text-danger' },
};

/** One entry of the audit log: what, how it ended, when, from where and with what. */
export function EventRow({ event }: { event: AccountEvent }) {
  const { sentence, more, result } = eventText(event);
  const { label, icon: Icon, className } = results[result];
  return (
    <li className="grid gap-x-6 gap-y-2 p-4 sm:grid-cols-[minmax(0,1fr)_auto] sm:px-6">
      <div className="min-w-0">
        <p className="font-medium break-words">{sentence}</p>
        {more !== null && <p className="mt-0.5 text-sm wrap-anywhere">{more}</p>}
        <p className="mt-1 flex flex-wrap gap-x-4 gap-y-0.5 text-sm text-muted">
          <When event={event} />
          {event.address !== null && <span className="break-all">From {event.address}</span>}
          {event.user_agent !== null && (
            <span title={event.user_agent} className="break-all">
              {deviceText(event.user_agent)}
            </span>
          )}
        </p>
      </div>
      <span
        className={`inline-flex h-7 items-center gap-1.5 justify-self-start rounded-full px-2.5 text-xs font-medium whitespace-nowrap ${className}`}
      >
        <Icon size={14} aria-hidden />
        {label}
      </span>
    </li>
  );
}

function When({ event: { at, last_at: lastAt } }: { event: AccountEvent }) {
  if (at === lastAt) return <Time at={at} />;
  return (
    <span>
      Between <Time at={at} /> and <Time at={lastAt} />
    </span>
  );
}
