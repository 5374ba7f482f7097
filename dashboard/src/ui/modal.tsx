import { Dialog } from '@base-ui/react/dialog';
import type { ReactNode } from 'react';

/** A dialog over the page. `onClose` is asked for by Escape, the backdrop or a button; without it, it stays open. */
export function Modal({ open, title, about, onClose, children }: ModalProps) {
  return (
    <Dialog.Root open={open} onOpenChange={(next) => !next && onClose?.()} disablePointerDismissal={!onClose}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-30 bg-shade transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0" />
        <Dialog.Popup className="fixed top-1/2 left-1/2 z-40 max-h-[calc(100dvh-2rem)] w-[calc(100vw-2rem)] max-w-lg -translate-1/2 overflow-y-auto rounded-xl border border-line bg-surface p-5 shadow-xl transition-opacity data-ending-style:opacity-0 data-nested-dialog-open:opacity-0 data-starting-style:opacity-0 sm:p-6">
          <Dialog.Title className="text-lg font-semibold">{title}</Dialog.Title>
          {about && <Dialog.Description className="mt-1.5 text-sm text-muted">{about}</Dialog.Description>}
          <div className="mt-4">{children}</div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

export interface ModalProps {
  open: boolean;
  title: string;
  about?: ReactNode;
  onClose?: () => void;
  children: ReactNode;
}

/** The buttons at the end of a dialog or form; the one that goes on comes last. */
export function Actions({ children }: { children: ReactNode }) {
  return <div className="mt-5 flex flex-wrap justify-end gap-2">{children}</div>;
}
