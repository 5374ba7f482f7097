import { Field } from '@base-ui/react/field';
import type { ComponentProps, ReactNode } from 'react';

export interface TextFieldProps extends ComponentProps<'input'> {
  label: string;
  name: string;
  hint?: ReactNode;
  /** What is wrong with the value, said by us or by the server. */
  error?: string | undefined;
}

/** A labelled line of text; its hint and its error are read out with it. */
export function TextField({ label, name, hint, error, className = '', ...input }: TextFieldProps) {
  return (
    <Field.Root name={name} invalid={error !== undefined} className={className}>
      <Field.Label className="mb-1.5 block text-sm font-medium">{label}</Field.Label>
      <Field.Control
        {...input}
        className="min-h-10 w-full rounded-lg border border-edge bg-surface px-3 py-2 text-base data-invalid:border-danger sm:text-sm"
      />
      {hint && <Field.Description className="mt-1.5 text-sm text-muted">{hint}</Field.Description>}
      <Field.Error match={error !== undefined} className="mt-1.5 text-sm text-danger">
        {error}
      </Field.Error>
    </Field.Root>
  );
}
