import { InksongError } from '@inksong/client';
import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Button } from '../ui/button.tsx';
import { Failure } from '../ui/failure.tsx';
import { Actions, Modal } from '../ui/modal.tsx';
import { PasswordField } from '../ui/password-field.tsx';
import { inksong } from './session.ts';

export interface Reauthentication {
  /**
   * Returns what `work` returns; where it wants a fresh proof of the password, asks for that and runs it once more.
   * Throws what `work` throws, and an AbortError (see `isCancelled`) when the person would rather not.
   */
  withReauthentication: <T>(work: () => Promise<T>) => Promise<T>;
  /** To be rendered: within the dialog, if the work is started from one. */
  dialog: ReactNode;
}

/** For what changes credentials: the server wants the password to have been proven in the last 15 minutes. */
export function useReauthentication(): Reauthentication {
  const [asking, setAsking] = useState(false);
  const asked = useRef<Asked | null>(null);

  function ask(): Promise<void> {
    asked.current ??= Promise.withResolvers<void>();
    setAsking(true);
    return asked.current.promise;
  }
  function settle(how: (asked: Asked) => void): void {
    if (asked.current) how(asked.current);
    asked.current = null;
    setAsking(false);
  }
  // Whoever waits must hear of it when the page goes away meanwhile.
  useEffect(() => () => asked.current?.reject(cancelled()), []);

  return {
    withReauthentication: async (work) => {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof InksongError && error.code === 'reauthentication_required')) throw error;
      }
      await ask();
      return work();
    },
    dialog: (
      <Modal
        open={asking}
        title="Enter your password again"
        about="It has been a while since you signed in. Once entered, it is not asked for again for 15 minutes."
        onClose={() => settle(({ reject }) => reject(cancelled()))}
      >
        <PasswordForm
          onProven={() => settle(({ resolve }) => resolve())}
          onCancel={() => settle(({ reject }) => reject(cancelled()))}
        />
      </Modal>
    ),
  };
}

/** Tells whether something ended because a person called it off, which is nothing to tell them. */
export function isCancelled(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

interface Asked {
  promise: Promise<void>;
  resolve: () => void;
  reject: (reason: DOMException) => void;
}

function cancelled(): DOMException {
  return new DOMException('The password was not entered.', 'AbortError');
}

function PasswordForm({ onProven, onCancel }: { onProven: () => void; onCancel: () => void }) {
  const field = useRef<HTMLInputElement>(null);
  const prove = useMutation({
    mutationFn: (password: string) => inksong.reauthenticate({ password }),
    onSuccess: onProven,
    onError: () => field.current?.select(),
  });
  const isWrong = prove.error instanceof InksongError && prove.error.code === 'invalid_credentials';
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        // React passes it on to a form that this dialog is rendered in, which would be sent too.
        event.stopPropagation();
        if (!prove.isPending) prove.mutate(field.current?.value ?? '');
      }}
      className="flex flex-col gap-4"
    >
      <PasswordField
        ref={field}
        label="Password"
        name="password"
        autoComplete="current-password"
        required
        error={isWrong ? 'That is not your password.' : undefined}
      />
      {prove.error && !isWrong ? <Failure error={prove.error} /> : null}
      <Actions>
        <Button onClick={onCancel}>Cancel</Button>
        <Button kind="primary" type="submit" busy={prove.isPending}>
          Go on
        </Button>
      </Actions>
    </form>
  );
}
