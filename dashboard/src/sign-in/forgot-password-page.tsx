import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { inksong } from '../app/session.ts';
import { Button } from '../ui/button.tsx';
import { Failure } from '../ui/failure.tsx';
import { fieldFailure } from '../ui/failure-text.ts';
import { Notice } from '../ui/notice.tsx';
import { Page } from '../ui/page.tsx';
import { TextField } from '../ui/text-field.tsx';
import { useSubmit } from '../ui/use-submit.ts';

export function ForgotPasswordPage() {
  const [email, setEmail] = useState<string | null>(null);
  const config = useQuery({ queryKey: ['config'], queryFn: () => inksong.config() });
  const ask = useSubmit(async (value) => {
    await inksong.forgotPassword({ email: value('email') });
    setEmail(value('email'));
  });
  const emailError = fieldFailure(ask.error, '/email');
  return (
    <Page title="Forgotten password" about="Ask for a link with which you set a new one.">
      <form onSubmit={ask.onSubmit} className="flex flex-col gap-4">
        <TextField label="E-mail" name="email" type="email" autoComplete="username" required error={emailError} />
        {ask.error && emailError === undefined ? <Failure error={ask.error} /> : null}
        {email !== null && !ask.error && (
          <Notice kind="good">
            <p>
              If <span className="wrap-anywhere">{email}</span> has an account, a link is on its way. It is good for 30
              minutes, and only the newest works.
            </p>
          </Notice>
        )}
        {config.data?.mail === false && (
          <Notice kind="info">
            <p>This server sends no mail. Whoever runs it finds yours in its outbox and can hand you the link.</p>
          </Notice>
        )}
        <Button kind="primary" type="submit" busy={ask.busy}>
          Ask for a link
        </Button>
      </form>
      <p className="text-sm">
        <Link to="/sign-in" className="underline underline-offset-4">
          Back to signing in
        </Link>
      </p>
    </Page>
  );
}
