import { useMutation } from '@tanstack/react-query';
import { useRef } from 'react';
import { isCancelled, useReauthentication } from '../app/reauthentication.tsx';
import { inksong } from '../app/session.ts';
import { Button } from '../ui/button.tsx';
import { Failure } from '../ui/failure.tsx';
import { fieldFailure } from '../ui/failure-text.ts';
import { Notice } from '../ui/notice.tsx';
import { Panel } from '../ui/panel.tsx';
import { TextField } from '../ui/text-field.tsx';
import { focusField } from './focus-field.ts';

/** The address changes when the link that is mailed to the new one is opened. */
export function EmailPanel({ email, mails }: { email: string; mails: boolean }) {
  const form = useRef<HTMLFormElement>(null);
  const { withReauthentication, dialog } = useReauthentication();
  const change = useMutation({
    mutationFn: (newEmail: string) => withReauthentication(() => inksong.changeEmail({ email: newEmail })),
    onSuccess: () => form.current?.reset(),
    onError: (error) => fieldFailure(error, '/email') !== undefined && focusField(form.current, 'email'),
  });
  const atField = fieldFailure(change.error, '/email');
  return (
    <Panel
      title="E-mail"
      about={
        <>
          You sign in with <span className="font-medium wrap-anywhere text-ink">{email}</span>.
        </>
      }
    >
      <form
        ref={form}
        onSubmit={(event) => {
          event.preventDefault();
          if (!change.isPending) change.mutate(String(new FormData(event.currentTarget).get('email')));
        }}
        className="flex max-w-md flex-col items-start gap-4"
      >
        <TextField
          label="New e-mail"
          name="email"
          type="email"
          autoComplete="email"
          required
          error={atField}
          className="w-full"
        />
        {change.error && atField === undefined && !isCancelled(change.error) ? <Failure error={change.error} /> : null}
        {change.isSuccess && <Sent email={email} newEmail={change.variables} mails={mails} />}
        <Button type="submit" busy={change.isPending}>
          Change e-mail
        </Button>
      </form>
      {dialog}
    </Panel>
  );
}

function Sent({ email, newEmail, mails }: { email: string; newEmail: string; mails: boolean }) {
  const stays = (
    <p className="mt-1">
      Your account keeps <span className="wrap-anywhere">{email}</span> until the link is opened. It is good for 30
      minutes.
    </p>
  );
  if (mails) {
    return (
      <Notice kind="good" title={`A link was mailed to ${newEmail}`}>
        {stays}
      </Notice>
    );
  }
  return (
    <Notice kind="info" title={`A link for ${newEmail} is in the server’s outbox`}>
      <p>This server sends no mail: whoever runs it finds the letter as a file in the folder “outbox” of its data.</p>
      {stays}
    </Notice>
  );
}
