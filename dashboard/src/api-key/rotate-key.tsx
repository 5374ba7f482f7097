import type { ApiKey } from '@inksong/client';
import { useMutation } from '@tanstack/react-query';
import { RefreshCw } from 'lucide-react';
import { useState } from 'react';
import { isCancelled, useReauthentication } from '../app/reauthentication.tsx';
import { inksong } from '../app/session.ts';
import { Button } from '../ui/button.tsx';
import { Failure } from '../ui/failure.tsx';
import { fieldFailure } from '../ui/failure-text.ts';
import { Actions, Modal } from '../ui/modal.tsx';
import { TextField } from '../ui/text-field.tsx';
import { keepChanged } from './api-key-query.ts';
import { KeyReveal } from './key-reveal.tsx';

/** Replaces the key and shows the new one, the one time it can be seen. It is held here alone, and only until then. */
export function RotateKey({ apiKey }: { apiKey: ApiKey }) {
  const [open, setOpen] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  return (
    <>
      <Button kind="primary" onClick={() => setOpen(true)}>
        <RefreshCw size={16} aria-hidden /> Rotate the key
      </Button>
      <Modal open={open && secret === null} title="Rotate the key" onClose={() => setOpen(false)}>
        <RotateForm apiKey={apiKey} onRotated={setSecret} onClose={() => setOpen(false)} />
      </Modal>
      {/* Stays until the person says so: what is closed by a stray Escape cannot be seen again. */}
      <Modal open={secret !== null} title="Your new key">
        {secret !== null && (
          <KeyReveal
            apiKey={secret}
            doneLabel="Done"
            onDone={() => {
              setOpen(false);
              setSecret(null);
            }}
          />
        )}
      </Modal>
    </>
  );
}

function RotateForm({ apiKey, onRotated, onClose }: RotateFormProps) {
  const { withReauthentication, dialog } = useReauthentication();
  const rotate = useMutation({
    // Answers nothing: the library keeps what a mutation has answered.
    mutationFn: async (reason: string | undefined) => {
      const rotated = await withReauthentication(() => inksong.apiKeys.rotate(apiKey.id, { reason }));
      onRotated(rotated.api_key);
      await keepChanged(rotated);
    },
  });
  const error = isCancelled(rotate.error) ? null : rotate.error;
  const reasonError = fieldFailure(error, '/reason');
  return (
    <>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const reason = String(new FormData(event.currentTarget).get('reason')).trim();
          if (!rotate.isPending) rotate.mutate(reason || undefined);
        }}
        className="flex flex-col gap-4"
      >
        <ul className="flex list-disc flex-col gap-1.5 pl-5 text-sm">
          <li>
            The old key <span className="font-mono text-[0.8125rem]">{apiKey.hint}</span> stops working at once: the
            next request with it is answered 401.
          </li>
          <li>Its id, its name and its allowed addresses stay as they are.</li>
          <li>The new key is shown once. Then this page tells who still tries the old one.</li>
        </ul>
        <TextField
          label="Reason (optional)"
          name="reason"
          hint="Such as “pasted into a chat”. Kept in your activity."
          maxLength={200}
          autoComplete="off"
          error={reasonError}
        />
        {error && !reasonError ? <Failure error={error} /> : null}
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="danger" type="submit" busy={rotate.isPending}>
            Rotate now
          </Button>
        </Actions>
      </form>
      {dialog}
    </>
  );
}

interface RotateFormProps {
  apiKey: ApiKey;
  onRotated: (secret: string) => void;
  onClose: () => void;
}
