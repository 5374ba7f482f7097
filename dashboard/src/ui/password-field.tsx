import { Field } from '@base-ui/react/field';
import { Eye, EyeOff } from 'lucide-react';
import { type ComponentProps, type ReactNode, useState } from 'react';

export interface PasswordFieldProps extends ComponentProps<'input'> {
  label: string;
  name: string;
  autoComplete: 'current-password' | 'new-password';
  hint?: ReactNode;
  error?: string | undefined;
}

/** Pasting and password managers work (ASVS 6.2.6, 6.2.7), and what was typed can be looked at. */
export function PasswordField({ label, name, hint, error, className = '', ...input }: PasswordFieldProps) {
  const [shown, setShown] = useState(false);
  const Icon = shown ? EyeOff : Eye;
  return (
    <Field.Root name={name} invalid={error !== undefined} className={className}>
      <Field.Label className="mb-1.5 block text-sm font-medium">{label}</Field.Label>
      <div className="relative">
        <Field.Control
          {...input}
          type={shown ? 'text' : 'password'}
          autoCapitalize="none"
          autoCorrect="off"
          spellCheck={false}
          className="min-h-10 w-full rounded-lg border border-edge bg-surface py-2 pr-12 pl-3 text-base data-invalid:border-danger sm:text-sm"
        />
        <button
          type="button"
          aria-pressed={shown}
          aria-label="Show password"
          onClick={() => setShown(!shown)}
          className="absolute inset-y-0 right-0 grid w-11 place-items-center rounded-lg text-muted hover:text-ink"
        >
          <Icon size={18} aria-hidden />
        </button>
      </div>
      {hint && <Field.Description className="mt-1.5 text-sm text-muted">{hint}</Field.Description>}
      <Field.Error match={error !== undefined} className="mt-1.5 text-sm text-danger">
        {error}
      </Field.Error>
    </Field.Root>
  );
}
