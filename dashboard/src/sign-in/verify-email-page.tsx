import { InksongError } from '@inksong/client';
import { Link, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { inksong } from '../app/session.ts';
import { Button, buttonClass } from '../ui/button.tsx';
import { Failure } from '../ui/failure.tsx';
import { fieldFailure } from '../ui/failure-text.ts';
import { Notice } from '../ui/notice.tsx';
import { Page } from '../ui/page.tsx';
import { useSubmit } from '../ui/use-submit.ts';
import { DeadLink, isDeadLink } from './dead-link.tsx';
import { useLinkFragment } from './link-fragment.ts';
import { WelcomePage } from './new-account.tsx';
import { NewPasswordField } from './new-password-field.tsx';

/** Opened by the link of a sign-up, or of a change of address. Nothing is done until its reader says so: mail programs open links too. */
export function VerifyEmailPage() {
  const token = useLinkFragment().get('token') ?? '';
  const { for: purpose } = useSearch({ from: '/visitor/verify-email' });
  const [apiKey, setApiKey] = useState<string | null>(null);
  if (apiKey !== null) return <WelcomePage apiKey={apiKey} />;
  if (purpose === 'change') return <ConfirmAddress key={token} token={token} />;
  return <ConfirmSignUp key={token} token={token} onRegistered={setApiKey} />;
}

function ConfirmSignUp({ token, onRegistered }: { token: string; onRegistered: (apiKey: string) => void }) {
  const verify = useSubmit(async (value) => {
    const made = await inksong.verifyEmail({ token, password: value('password') });
    if (made.status === 'registered') onRegistered(made.apiKey);
  });
  const isDead = token === '' || isDeadLink(verify.error);
  const passwordError = fieldFailure(verify.error, '/password');
  return (
    <Page
      title="Confirm your account"
      about="Enter the password you want to sign in with. The one you enter here counts."
    >
      {isDead ? (
        <DeadLink to="/sign-up" label="Sign up again." />
      ) : (
        <form onSubmit={verify.onSubmit} className="flex flex-col gap-4">
          <NewPasswordField name="password" label="Password" error={verify.error} />
          {verify.error && passwordError === undefined ? <Failure error={verify.error} /> : null}
          <Button kind="primary" type="submit" busy={verify.busy}>
            Make the account
          </Button>
        </form>
      )}
    </Page>
  );
}

function ConfirmAddress({ token }: { token: string }) {
  const [done, setDone] = useState(false);
  const verify = useSubmit(async () => {
    await inksong.verifyEmail({ token });
    setDone(true);
  });
  if (done) {
    return (
      <Page title="Your address has changed" about="Sign in with the new one from now on.">
        <Link to="/" className={buttonClass('primary')}>
          Go on
        </Link>
      </Page>
    );
  }
  const isTaken = verify.error instanceof InksongError && verify.error.code === 'email_taken';
  return (
    <Page title="Confirm your new address" about="Your account then has the address that this link was mailed to.">
      {token === '' || isDeadLink(verify.error) ? (
        <DeadLink to="/account" label="Ask for a new one." />
      ) : (
        <form onSubmit={verify.onSubmit} className="flex flex-col gap-4">
          {isTaken ? (
            <Notice kind="error">
              <p>Another account has this address by now.</p>
            </Notice>
          ) : verify.error ? (
            <Failure error={verify.error} />
          ) : null}
          <Button kind="primary" type="submit" busy={verify.busy}>
            Confirm the address
          </Button>
        </form>
      )}
    </Page>
  );
}
