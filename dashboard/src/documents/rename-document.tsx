import type { Document } from '@inksong/client';
import { useMutation } from '@tanstack/react-query';
import { inksong } from '../app/session.ts';
import { announce } from '../ui/announcements.tsx';
import { Button } from '../ui/button.tsx';
import { Failure } from '../ui/failure.tsx';
import { fieldFailure } from '../ui/failure-text.ts';
import { Actions } from '../ui/modal.tsx';
import { TextField } from '../ui/text-field.tsx';
import { documentsChanged } from './document-queries.ts';

export function RenameDocument({ document, onClose }: { document: Document; onClose: () => void }) {
  const rename = useMutation({
    mutationFn: async (title: string) => {
      await inksong.documents.rename(document.id, title);
      await documentsChanged();
    },
    onSuccess: () => {
      announce('Renamed.');
      onClose();
    },
  });
  const titleError = fieldFailure(rename.error, '/title');
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const title = String(new FormData(event.currentTarget).get('title')).trim();
        if (!rename.isPending) rename.mutate(title);
      }}
    >
      <TextField
        label="Title"
        name="title"
        defaultValue={document.title}
        hint={`The file stays ${document.filename}.`}
        pattern=".*\S.*"
        autoComplete="off"
        required
        error={titleError}
        className="wrap-anywhere"
      />
      {rename.error && !titleError ? (
        <div className="mt-4">
          <Failure error={rename.error} />
        </div>
      ) : null}
      <Actions>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" type="submit" busy={rename.isPending}>
          Rename
        </Button>
      </Actions>
    </form>
  );
}
