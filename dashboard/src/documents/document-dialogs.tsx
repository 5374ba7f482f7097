import type { Document } from '@inksong/client';
import { useEffect, useState } from 'react';
import { Modal } from '../ui/modal.tsx';
import { DeleteDocument } from './delete-document.tsx';
import { RenameDocument } from './rename-document.tsx';
import { ReplaceDocument } from './replace-document.tsx';

/** What is about to be done to a document, as it was when that was chosen. */
export interface DocumentTask {
  kind: 'rename' | 'replace' | 'delete';
  document: Document;
}

/** The dialogs of the list: they outlive the row that opened them. */
export function DocumentDialogs({ task, onClose, onDeleted }: DocumentDialogsProps) {
  // Still there while the dialog fades out.
  const [shown, setShown] = useState(task);
  const [isSending, setIsSending] = useState(false);
  useEffect(() => {
    if (task) setShown(task);
  }, [task]);
  const current = task ?? shown;
  if (!current) return null;
  const { document } = current;
  const isOpen = (kind: DocumentTask['kind']): boolean => task?.kind === kind;
  const close = isSending ? {} : { onClose };
  return (
    <>
      <Modal open={isOpen('rename')} title="Rename the document" onClose={onClose}>
        <RenameDocument document={document} onClose={onClose} />
      </Modal>
      <Modal open={isOpen('replace')} title="Replace the content" about={document.title} {...close}>
        <ReplaceDocument document={document} onSending={setIsSending} onClose={onClose} />
      </Modal>
      <DeleteDocument
        key={document.id}
        document={document}
        open={isOpen('delete')}
        onClose={onClose}
        onDeleted={onDeleted}
      />
    </>
  );
}

interface DocumentDialogsProps {
  task: DocumentTask | null;
  onClose: () => void;
  /** The row that asked is gone: say where the focus goes. */
  onDeleted: () => void;
}
