import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { isCancelled, useReauthentication } from '../app/reauthentication.tsx';
import { inksong, leave } from '../app/session.ts';
import { announce } from '../ui/announcements.tsx';
import { Button } from '../ui/button.tsx';
import { Failure } from '../ui/failure.tsx';
import { Actions, Modal } from '../ui/modal.tsx';
import { Panel } from '../ui/panel.tsx';
import { TextField } from '../ui/text-field.tsx';
import { focusField } from './focus-field.ts';

export function DeletePanel({ email }: { email: string }) {
  const [open, setOpen] = useState(false);
  return (
    <Panel
      title="Delete the account"
      about="With the key, the documents, the sessions and the activity. Nothing of it can be brought back."
    >
      <Button kind="danger" onClick={() => setOpen(true)}>
        Delete account …
      </Button>
      <Modal open={open} title="Delete this account for good?" onClose={() => setOpen(false)}>
        <DeleteForm email={email} onCancel={() => setOpen(false)} />
      </Modal>
    </Panel>
  );
}

/** Typing the address is what keeps a slip from deleting it. */
function DeleteForm({ email, onCancel }: { email: string; onCancel: () => void }) {
  const [isWrong, setWrong] = useState(false);
  const { withReauthentication, dialog } = useReauthentication();
  const remove = useMutation({
    mutationFn: () => withReauthentication(() => leave(() => inksong.deleteAccount())),
    // The page goes away with the session; this stays to be read on the one that comes.
    onSuccess: () => announce(`The account ${email} is deleted.`),
  });
  return (
    <>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (remove.isPending) return;
          const typed = String(new FormData(event.currentTarget).get('email')).trim().toLowerCase();
          const matches = typed === email.toLowerCase();
          setWrong(!matches);
          if (matches) remove.mutate();
          else focusField(event.currentTarget, 'email');
        }}
        className="flex flex-col gap-4"
      >
        <ul className="list-disc pl-5 text-sm">
          <li>Your API key stops working with the next request.</li>
          <li>All documents and all activity are erased. Export your data first if you may need it.</li>
          <li>You are signed out everywhere.</li>
        </ul>
        <TextField
          label="The account’s e-mail, to confirm"
          name="email"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          required
          hint={<span className="wrap-anywhere">{email}</span>}
          error={isWrong ? 'That is not the e-mail of this account.' : undefined}
        />
        {remove.error && !isCancelled(remove.error) ? <Failure error={remove.error} /> : null}
        <Actions>
          <Button onClick={onCancel}>Cancel</Button>
          <Button kind="danger" type="submit" busy={remove.isPending}>
            Delete for good
          </Button>
        </Actions>
      </form>
      {dialog}
    </>
  );
}
