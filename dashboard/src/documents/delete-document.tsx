import { type Document, InksongError } from '@inksong/client';
import { useMutation } from '@tanstack/react-query';
import { inksong } from '../app/session.ts';
import { announce } from '../ui/announcements.tsx';
import { Confirm } from '../ui/confirm.tsx';
import { documentsChanged } from './document-queries.ts';

/** Asks, deletes, and calls `onDeleted` when the list no longer has it. */
export function DeleteDocument({ document, open, onClose, onDeleted }: DeleteDocumentProps) {
  const remove = useMutation({
    mutationFn: async () => {
      await deleteOne(document.id);
      await documentsChanged();
    },
    onSuccess: () => {
      announce('Deleted.');
      onClose();
      onDeleted();
    },
  });
  return (
    <Confirm
      open={open}
      title="Delete this document?"
      action="Delete"
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      <p className="wrap-anywhere">
        <strong className="font-semibold">{document.title}</strong> is gone for good, for every program that uses it
        too.
      </p>
    </Confirm>
  );
}

interface DeleteDocumentProps {
  document: Document;
  open: boolean;
  onClose: () => void;
  onDeleted: () => void;
}

/** Deleted by somebody else in between is deleted too. */
async function deleteOne(id: string): Promise<void> {
  try {
    await inksong.documents.delete(id);
  } catch (error) {
    if (!(error instanceof InksongError && error.code === 'not_found')) throw error;
  }
}
