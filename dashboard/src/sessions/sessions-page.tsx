import { useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { inksong } from '../app/session.ts';
import { Button } from '../ui/button.tsx';
import { Empty } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Loading } from '../ui/loading.tsx';
import { Page } from '../ui/page.tsx';
import { Panel } from '../ui/panel.tsx';
import { type Ending, EndSession } from './end-session.tsx';
import { currentFirst } from './session-order.ts';
import { SessionRow } from './session-row.tsx';

export function SessionsPage() {
  const list = useQuery({
    queryKey: ['sessions'],
    queryFn: () => inksong.sessions.list(),
    // Another device may have ended one while this tab was in the background.
    refetchOnWindowFocus: 'always',
  });
  const [ending, setEnding] = useState<Ending | null>(null);
  const heading = useRef<HTMLParagraphElement>(null);
  const sessions = currentFirst(list.data ?? []);
  const others = sessions.filter(({ current }) => !current).length;
  return (
    <Page title="Sessions" about="Every browser and program that is signed in to your account with your password.">
      <Panel
        title="Signed in"
        about="Ending a session signs that device out with its next request. Your API key keeps working."
        action={
          others > 0 && (
            <Button onClick={() => setEnding({ kind: 'others', count: others })}>
              {others === 1 ? 'End the other one' : `End all ${others} others`}
            </Button>
          )
        }
      >
        <p ref={heading} tabIndex={-1} className="sr-only">
          {sessions.length === 1 ? 'One session' : `${sessions.length} sessions`}
        </p>
        {list.isPending && <Loading label="Loading sessions" className="h-44" />}
        {list.error ? <Failure error={list.error} onRetry={() => void list.refetch()} /> : null}
        {sessions.length > 0 && (
          <ul aria-label="Sessions" className="divide-y divide-line">
            {sessions.map((session) => (
              <SessionRow
                key={session.id}
                session={session}
                onEnd={() => setEnding({ kind: 'one', id: session.id, device: session.device })}
              />
            ))}
          </ul>
        )}
        {list.isSuccess && others === 0 && (
          <div className="mt-4">
            <Empty title="Only this session">
              <p>You are signed in nowhere else.</p>
            </Empty>
          </div>
        )}
      </Panel>
      <EndSession ending={ending} onClose={() => setEnding(null)} onEnded={() => heading.current?.focus()} />
    </Page>
  );
}
