import { InksongError } from '@inksong/client';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { inksong } from '../app/session.ts';
import { announce } from '../ui/announcements.tsx';
import { Confirm } from '../ui/confirm.tsx';

/** What is about to be ended. */
export type Ending = { kind: 'one'; id: string; device: string } | { kind: 'others'; count: number };

/** Asks before a session, or all others, are ended; then ends them and calls `onEnded`. */
export function EndSession({ ending, onClose, onEnded }: EndSessionProps) {
  const queries = useQueryClient();
  // Still there while the dialog fades out.
  const [shown, setShown] = useState(ending);
  useEffect(() => {
    if (ending) setShown(ending);
  }, [ending]);
  const end = useMutation({
    mutationFn: (what: Ending) => (what.kind === 'one' ? endOne(what.id) : inksong.sessions.endOthers()),
    onSuccess: async (_nothing, what) => {
      await queries.invalidateQueries({ queryKey: ['sessions'] });
      close();
      announce(what.kind === 'one' ? `Session of ${what.device} ended.` : 'All other sessions ended.');
      onEnded();
    },
  });
  function close(): void {
    end.reset();
    onClose();
  }
  return (
    <Confirm
      open={ending !== null}
      title={shown?.kind === 'others' ? 'End all other sessions?' : 'End this session?'}
      action={shown?.kind === 'others' ? 'End all others' : 'End session'}
      busy={end.isPending}
      error={end.error}
      onConfirm={() => ending && end.mutate(ending)}
      onClose={close}
    >
      <p className="wrap-anywhere">
        {shown?.kind === 'one'
          ? `${shown.device} is signed out at once. Whoever uses it has to sign in again.`
          : 'Every other browser and program is signed out at once. This one stays signed in.'}
      </p>
    </Confirm>
  );
}

interface EndSessionProps {
  ending: Ending | null;
  onClose: () => void;
  /** The button that asked is gone: say where the focus goes. */
  onEnded: () => void;
}

/** Ended by somebody else in between is ended too. */
async function endOne(id: string): Promise<void> {
  try {
    await inksong.sessions.end(id);
  } catch (error) {
    if (!(error instanceof InksongError && error.code === 'not_found')) throw error;
  }
}
