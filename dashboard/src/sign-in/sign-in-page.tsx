import { InksongError } from '@inksong/client';
import { Link, useRouter, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { inksong, useSessionState } from '../app/session.ts';
import { Button } from '../ui/button.tsx';
import { Failure } from '../ui/failure.tsx';
import { Notice } from '../ui/notice.tsx';
import { Page } from '../ui/page.tsx';
import { PasswordField } from '../ui/password-field.tsx';
import { TextField } from '../ui/text-field.tsx';
import { useSubmit } from '../ui/use-submit.ts';
import { cookieKept } from './cookie-kept.ts';
import { CookieRefused } from './cookie-refused.tsx';

export function SignInPage() {
  const state = useSessionState();
  const router = useRouter();
  const { next } = useSearch({ from: '/visitor/sign-in' });
  const [refused, setRefused] = useState(false);
  const signIn = useSubmit(async (value) => {
    await inksong.login({ email: value('email'), password: value('password') });
    setRefused(!(await cookieKept()));
  });
  useEffect(() => {
    if (state !== 'signed-in' || signIn.busy) return;
    router.history.replace(next ?? '/');
  }, [state, signIn.busy, next, router]);

  const isWrong = signIn.error instanceof InksongError && signIn.error.code === 'invalid_credentials';
  return (
    <Page title="Sign in">
      <form onSubmit={signIn.onSubmit} className="flex flex-col gap-4">
        {refused && <CookieRefused />}
        {/* Only when the page is opened by itself: coming from another, the heading takes the focus. */}
        <TextField label="E-mail" name="email" type="email" autoComplete="username" required autoFocus />
        <PasswordField label="Password" name="password" autoComplete="current-password" required />
        {isWrong && (
          <Notice kind="error">
            <p>That e-mail and password do not belong together.</p>
          </Notice>
        )}
        {signIn.error && !isWrong ? <Failure error={signIn.error} /> : null}
        <Button kind="primary" type="submit" busy={signIn.busy}>
          Sign in
        </Button>
      </form>
      <p className="flex flex-wrap justify-between gap-3 text-sm">
        <Link to="/forgot-password" className="underline underline-offset-4">
          Forgot your password?
        </Link>
        <Link to="/sign-up" className="underline underline-offset-4">
          Make an account
        </Link>
      </p>
    </Page>
  );
}
