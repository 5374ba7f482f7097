import { InksongError } from '@inksong/client';
import { useQuery } from '@tanstack/react-query';
import { Link, Navigate } from '@tanstack/react-router';
import { useState } from 'react';
import { inksong, useSessionState } from '../app/session.ts';
import { Button } from '../ui/button.tsx';
import { Failure } from '../ui/failure.tsx';
import { fieldFailure } from '../ui/failure-text.ts';
import { Notice } from '../ui/notice.tsx';
import { Page } from '../ui/page.tsx';
import { TextField } from '../ui/text-field.tsx';
import { useSubmit } from '../ui/use-submit.ts';
import { useLinkFragment } from './link-fragment.ts';
import { WelcomePage } from './new-account.tsx';
import { NewPasswordField } from './new-password-field.tsx';
import { SentMail } from './sent-mail.tsx';

export function SignUpPage() {
  const link = useLinkFragment();
  const [invitation, invited] = [link.get('invitation') ?? undefined, link.get('email') ?? undefined];
  const [apiKey, setApiKey] = useState<string | null>(null);
  if (apiKey !== null) return <WelcomePage apiKey={apiKey} />;
  return <SignUp key={invitation} invitation={invitation} invited={invited} onRegistered={setApiKey} />;
}

interface SignUpProps {
  /** The token of a one-time link. */
  invitation: string | undefined;
  /** The address that it is for. */
  invited: string | undefined;
  onRegistered: (apiKey: string) => void;
}

function SignUp({ invitation, invited, onRegistered }: SignUpProps) {
  const state = useSessionState();
  const [mailedTo, setMailedTo] = useState<string | null>(null);
  const config = useQuery({ queryKey: ['config'], queryFn: () => inksong.config() });
  const signUp = useSubmit(async (value) => {
    const made = await inksong.register({ email: value('email'), password: value('password'), invitation });
    if (made.status === 'mailed') setMailedTo(made.email);
    else onRegistered(made.apiKey);
  });

  if (mailedTo !== null) return <SentMail email={mailedTo} onOtherAddress={() => setMailedTo(null)} />;
  if (state === 'signed-in' && !signUp.busy) return <Navigate to="/" replace />;
  if (config.data?.signup === 'closed' && invitation === undefined) {
    return (
      <Page
        title="Sign-up is closed"
        about="Accounts are made by invitation here. Ask whoever runs this server for a link."
      >
        <p className="text-sm">
          <Link to="/sign-in" className="underline underline-offset-4">
            Sign in
          </Link>
        </p>
      </Page>
    );
  }
  const { error } = signUp;
  const isTaken = error instanceof InksongError && error.code === 'email_taken';
  const emailError = isTaken
    ? 'There is an account with this address: sign in instead.'
    : fieldFailure(error, '/email');
  const isAtField = emailError !== undefined || fieldFailure(error, '/password') !== undefined;
  return (
    <Page title="Make an account" about="You get one API key for your servers, and this dashboard.">
      <form onSubmit={signUp.onSubmit} className="flex flex-col gap-4">
        {invitation !== undefined && (
          <Notice kind="info">
            <p>You are invited. The link works once.</p>
          </Notice>
        )}
        <TextField
          label="E-mail"
          name="email"
          type="email"
          autoComplete="username"
          required
          defaultValue={invited}
          readOnly={invited !== undefined}
          error={emailError}
        />
        <NewPasswordField name="password" label="Password" error={error} />
        {error && !isAtField ? <Failure error={error} /> : null}
        <Button kind="primary" type="submit" busy={signUp.busy}>
          Make the account
        </Button>
      </form>
      <p className="text-sm">
        Have one already?{' '}
        <Link to="/sign-in" className="underline underline-offset-4">
          Sign in
        </Link>
      </p>
    </Page>
  );
}
