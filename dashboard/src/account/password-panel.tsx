import { InksongError } from '@inksong/client';
import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useRef } from 'react';
import { queries } from '../app/queries.ts';
import { inksong } from '../app/session.ts';
import { Button } from '../ui/button.tsx';
import { Failure } from '../ui/failure.tsx';
import { fieldFailure } from '../ui/failure-text.ts';
import { Notice } from '../ui/notice.tsx';
import { Panel } from '../ui/panel.tsx';
import { PasswordField } from '../ui/password-field.tsx';
import { focusField } from './focus-field.ts';

/** Changing it ends every other session. */
export function PasswordPanel({ email, minLength }: { email: string; minLength: number }) {
  const form = useRef<HTMLFormElement>(null);
  const change = useMutation({
    mutationFn: (passwords: { currentPassword: string; newPassword: string }) => inksong.changePassword(passwords),
    onSuccess: async () => {
      form.current?.reset();
      await queries.invalidateQueries({ queryKey: ['sessions'] });
    },
    onError: (error) => {
      if (isWrongPassword(error)) focusField(form.current, 'current');
      else if (fieldFailure(error, '/new_password') !== undefined) focusField(form.current, 'new');
    },
  });
  const isWrong = isWrongPassword(change.error);
  const atNew = fieldFailure(change.error, '/new_password');
  const isElsewhere = change.error !== null && !isWrong && atNew === undefined;
  return (
    <Panel title="Password" about="Changing it signs you out everywhere else.">
      <form
        ref={form}
        onSubmit={(event) => {
          event.preventDefault();
          if (change.isPending) return;
          const data = new FormData(event.currentTarget);
          change.mutate({ currentPassword: String(data.get('current')), newPassword: String(data.get('new')) });
        }}
        className="flex max-w-md flex-col items-start gap-4"
      >
        {/* Tells password managers whose password this is. */}
        <input type="text" name="username" autoComplete="username" value={email} readOnly hidden />
        <PasswordField
          label="Current password"
          name="current"
          autoComplete="current-password"
          required
          error={isWrong ? 'That is not your current password.' : undefined}
          className="w-full"
        />
        <PasswordField
          label="New password"
          name="new"
          autoComplete="new-password"
          required
          hint={`At least ${minLength} characters, any you like. A few unrelated words do well.`}
          error={atNew}
          className="w-full"
        />
        {isElsewhere && <Failure error={change.error} />}
        {change.isSuccess && (
          <Notice kind="good" title="Your password is changed">
            <p>
              Your other sessions were ended. Your API key goes on working: if somebody else may know it,{' '}
              <Link to="/api-key" className="underline underline-offset-4">
                rotate it
              </Link>
              .
            </p>
          </Notice>
        )}
        <Button type="submit" busy={change.isPending}>
          Change password
        </Button>
      </form>
    </Panel>
  );
}

function isWrongPassword(error: unknown): boolean {
  return error instanceof InksongError && error.code === 'invalid_credentials';
}
