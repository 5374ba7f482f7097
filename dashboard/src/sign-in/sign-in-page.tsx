import { InksongError } from '@inksong/client';
import { useMutation } from '@tanstack/react-query';
import { Link, useNavigate, useRouter, useSearch } from '@tanstack/react-router';
import { useEffect } from 'react';
import { inksong, useSessionState } from '../app/session.ts';
import { Button } from '../ui/button.tsx';
import { Failure } from '../ui/failure.tsx';
import { Notice } from '../ui/notice.tsx';
import { Page } from '../ui/page.tsx';
import { PasswordField } from '../ui/password-field.tsx';
import { TextField } from '../ui/text-field.tsx';

export function SignInPage() {
  const state = useSessionState();
  const navigate = useNavigate();
  const router = useRouter();
  const { next } = useSearch({ from: '/visitor/sign-in' });
  useEffect(() => {
    if (state !== 'signed-in') return;
    if (next === undefined) void navigate({ to: '/', replace: true });
    else router.history.replace(next);
  }, [state, next, navigate, router]);

  const signIn = useMutation({
    mutationFn: (form: FormData) =>
      inksong.login({ email: String(form.get('email')), password: String(form.get('password')) }),
  });
  const isWrong = signIn.error instanceof InksongError && signIn.error.code === 'invalid_credentials';
  return (
    <Page title="Sign in">
      <form action={(form) => signIn.mutate(form)} className="flex flex-col gap-4">
        <TextField label="E-mail" name="email" type="email" autoComplete="username" required />
        <PasswordField label="Password" name="password" autoComplete="current-password" required />
        {isWrong && (
          <Notice kind="error">
            <p>That e-mail and password do not belong together.</p>
          </Notice>
        )}
        {signIn.error && !isWrong ? <Failure error={signIn.error} /> : null}
        <Button kind="primary" type="submit" busy={signIn.isPending}>
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
