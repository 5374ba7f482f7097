import { Link } from '@tanstack/react-router';
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
import { NewPasswordField } from './new-password-field.tsx';

export function ResetPasswordPage() {
  const token = useLinkFragment().get('token') ?? '';
  return <ResetPassword key={token} token={token} />;
}

function ResetPassword({ token }: { token: string }) {
  const [done, setDone] = useState(false);
  const reset = useSubmit(async (value) => {
    await inksong.resetPassword({ token, newPassword: value('new_password') });
    setDone(true);
  });
  if (done) {
    return (
      <Page title="Your password is set">
        <Notice kind="good" title="You have been signed out everywhere">
          <p>Your API key goes on working. If somebody else may know it, rotate it too, right after signing in.</p>
        </Notice>
        <Link to="/sign-in" search={{ next: '/api-key' }} className={buttonClass('primary')}>
          Sign in
        </Link>
      </Page>
    );
  }
  const isDead = token === '' || isDeadLink(reset.error);
  const passwordError = fieldFailure(reset.error, '/new_password');
  return (
    <Page title="Set a new password" about="It signs you out everywhere.">
      {isDead ? (
        <DeadLink to="/forgot-password" label="Ask for a new one." />
      ) : (
        <form onSubmit={reset.onSubmit} className="flex flex-col gap-4">
          <NewPasswordField name="new_password" label="New password" error={reset.error} />
          {reset.error && passwordError === undefined ? <Failure error={reset.error} /> : null}
          <Button kind="primary" type="submit" busy={reset.busy}>
            Set the password
          </Button>
        </form>
      )}
    </Page>
  );
}
