import type { ApiKey } from '@inksong/client';
import { useMutation } from '@tanstack/react-query';
import { Pencil } from 'lucide-react';
import { useState } from 'react';
import { isCancelled, useReauthentication } from '../app/reauthentication.tsx';
import { inksong } from '../app/session.ts';
import { announce } from '../ui/announcements.tsx';
import { Button } from '../ui/button.tsx';
import { Failure } from '../ui/failure.tsx';
import { fieldFailure } from '../ui/failure-text.ts';
import { Actions, Modal } from '../ui/modal.tsx';
import { TextField } from '../ui/text-field.tsx';
import { keepChanged } from './api-key-query.ts';

export function RenameKey({ apiKey }: { apiKey: ApiKey }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button kind="quiet" onClick={() => setOpen(true)}>
        <Pencil size={16} aria-hidden /> Rename
      </Button>
      <Modal open={open} title="Rename the key" onClose={() => setOpen(false)}>
        <NameForm apiKey={apiKey} onClose={() => setOpen(false)} />
      </Modal>
    </>
  );
}

function NameForm({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const { withReauthentication, dialog } = useReauthentication();
  const rename = useMutation({
    mutationFn: async (name: string) =>
      keepChanged(await withReauthentication(() => inksong.apiKeys.update(apiKey.id, { name }))),
    onSuccess: () => {
      announce('Renamed.');
      onClose();
    },
  });
  const error = isCancelled(rename.error) ? null : rename.error;
  const nameError = fieldFailure(error, '/name');
  return (
    <>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const name = String(new FormData(event.currentTarget).get('name')).trim();
          if (!rename.isPending) rename.mutate(name);
        }}
        className="flex flex-col gap-4"
      >
        <TextField
          label="Name"
          name="name"
          defaultValue={apiKey.name}
          hint="For telling what uses it, such as “Nightly import”. Up to 100 characters."
          maxLength={100}
          pattern=".*\S.*"
          autoComplete="off"
          required
          error={nameError}
        />
        {error && !nameError ? <Failure error={error} /> : null}
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={rename.isPending}>
            Rename
          </Button>
        </Actions>
      </form>
      {dialog}
    </>
  );
}
