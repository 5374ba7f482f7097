import type { EventKind } from '@inksong/client';
import { useInfiniteQuery } from '@tanstack/react-query';
import { type ReactNode, useId, useState } from 'react';
import { inksong } from '../app/session.ts';
import { Button } from '../ui/button.tsx';
import { Empty } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Loading } from '../ui/loading.tsx';
import { Page } from '../ui/page.tsx';
import { EventRow } from './event-row.tsx';
import { kindLabels } from './event-text.ts';

export function ActivityPage() {
  const [kind, setKind] = useState<EventKind | undefined>();
  const log = useInfiniteQuery({
    queryKey: ['events', kind],
    queryFn: ({ pageParam }) => inksong.events.page({ kind, cursor: pageParam }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    // One comes here to see what one has just done.
    staleTime: 0,
  });
  const events = log.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <Page
      title="Activity"
      about="Who signed in, what was changed and what was refused, newest first. Nothing is ever changed in it; refusals show a few seconds late."
    >
      <KindFilter kind={kind} onChange={setKind} />
      {log.isError && events.length === 0 ? (
        <Failure error={log.error} onRetry={() => void log.refetch()} />
      ) : log.isPending ? (
        <Loading label="Loading the activity …" className="h-96" />
      ) : events.length === 0 ? (
        <NoEvents filtered={kind !== undefined} />
      ) : (
        <div className="flex flex-col gap-4">
          <ol aria-label="Events" className="divide-y divide-line rounded-xl border border-line bg-surface">
            {events.map((event) => (
              <EventRow key={event.id} event={event} />
            ))}
          </ol>
          {log.isError && <Failure error={log.error} />}
          {log.hasNextPage && (
            <Button busy={log.isFetchingNextPage} onClick={() => void log.fetchNextPage()} className="self-center">
              Show older
            </Button>
          )}
        </div>
      )}
    </Page>
  );
}

function KindFilter({ kind, onChange }: { kind: EventKind | undefined; onChange: (kind?: EventKind) => void }) {
  const id = useId();
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1.5">
      <label htmlFor={id} className="text-sm font-medium">
        Show
      </label>
      <select
        id={id}
        value={kind ?? ''}
        onChange={(event) => onChange(kindLabels.find((each) => each.kind === event.currentTarget.value)?.kind)}
        className="min-h-10 max-w-full rounded-lg border border-edge bg-surface px-3 text-base text-ink sm:text-sm"
      >
        <option value="">Everything</option>
        {kindLabels.map(({ kind: each, label }) => (
          <option key={each} value={each}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}

function NoEvents({ filtered }: { filtered: boolean }): ReactNode {
  if (filtered) {
    return (
      <Empty title="Nothing of that kind">
        <p>It has not happened, or so long ago that it is no longer kept.</p>
      </Empty>
    );
  }
  return (
    <Empty title="Nothing yet">
      <p>Sign-ins, changes and refusals will show here.</p>
    </Empty>
  );
}
