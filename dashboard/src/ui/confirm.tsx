import type { ReactNode } from 'react';
import { Button } from './button.tsx';
import { Failure } from './failure.tsx';
import { Actions, Modal } from './modal.tsx';

/** Asks before something that cannot be taken back. */
export function Confirm({ open, title, action, busy, error, onConfirm, onClose, children }: ConfirmProps) {
  return (
    <Modal open={open} title={title} onClose={onClose}>
      <div className="flex flex-col gap-3 text-sm">
        {children}
        {error ? <Failure error={error} /> : null}
      </div>
      <Actions>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="danger" busy={busy} onClick={onConfirm}>
          {action}
        </Button>
      </Actions>
    </Modal>
  );
}

export interface ConfirmProps {
  open: boolean;
  title: string;
  /** What the button that goes on says. */
  action: string;
  busy: boolean;
  error: unknown;
  onConfirm: () => void;
  onClose: () => void;
  children: ReactNode;
}
