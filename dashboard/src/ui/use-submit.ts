import { type FormEvent, useEffect, useRef, useState } from 'react';

export interface Submit {
  /** For the form. */
  onSubmit: (event: FormEvent<HTMLFormElement>) => void;
  busy: boolean;
  /** What the last try was refused with. */
  error: unknown;
}

/**
 * Sends a form by `work`, one try at a time. Keeps the error of the last, and nothing of what was typed. When the error
 * stands at a field, the focus goes there: what is wrong is read out with it.
 */
export function useSubmit(work: (values: (name: string) => string) => Promise<void>): Submit {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const sent = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (error !== null) sent.current?.querySelector<HTMLInputElement>('input[aria-invalid="true"]')?.select();
  }, [error]);
  return {
    busy,
    error,
    onSubmit(event) {
      event.preventDefault();
      if (busy) return;
      sent.current = event.currentTarget;
      const form = new FormData(event.currentTarget);
      setBusy(true);
      setError(null);
      work((name) => String(form.get(name) ?? ''))
        .catch(setError)
        .finally(() => setBusy(false));
    },
  };
}
