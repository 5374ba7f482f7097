import { LoaderCircle } from 'lucide-react';
import type { ComponentProps, ReactNode } from 'react';

export type ButtonKind = 'primary' | 'secondary' | 'quiet' | 'danger';

const kinds: Record<ButtonKind, string> = {
  primary: 'bg-accent text-on-accent hover:bg-accent-strong',
  secondary: 'border border-edge bg-surface text-ink hover:bg-sunken',
  quiet: 'text-ink hover:bg-sunken',
  danger: 'bg-danger text-on-danger hover:opacity-90',
};

/** Returns the classes of something that looks like a button, such as a link. */
export function buttonClass(kind: ButtonKind): string {
  return `inline-flex min-h-10 items-center justify-center gap-2 rounded-lg px-4 py-2 text-sm font-medium transition-colors disabled:opacity-60 aria-disabled:opacity-60 ${kinds[kind]}`;
}

export interface ButtonProps extends ComponentProps<'button'> {
  kind?: ButtonKind;
  /** While true it keeps its width and its focus, and does nothing. */
  busy?: boolean;
  children: ReactNode;
}

export function Button({
  kind = 'secondary',
  busy = false,
  type = 'button',
  className = '',
  children,
  onClick,
  'aria-disabled': disabled,
  ...rest
}: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      aria-disabled={busy || disabled}
      className={`${buttonClass(kind)} ${className}`}
      onClick={(event) => {
        if (busy) event.preventDefault();
        else onClick?.(event);
      }}
    >
      {busy && <LoaderCircle size={16} className="animate-spin" aria-hidden />}
      {children}
    </button>
  );
}
