import { useQuery } from '@tanstack/react-query';
import { inksong } from '../app/session.ts';
import { fieldFailure } from '../ui/failure-text.ts';
import { PasswordField } from '../ui/password-field.tsx';

/** Where a password is chosen: says what makes a good one, and what was wrong with the last. */
export function NewPasswordField({ name, label, error }: { name: string; label: string; error: unknown }) {
  const config = useQuery({ queryKey: ['config'], queryFn: () => inksong.config() });
  const length = config.data ? `At least ${config.data.password_min_length} characters` : 'Long';
  return (
    <PasswordField
      name={name}
      label={label}
      autoComplete="new-password"
      required
      hint={`${length}, any you like. A few unrelated words do well.`}
      error={fieldFailure(error, `/${name}`)}
    />
  );
}
