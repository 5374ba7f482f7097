import { InksongError } from '@inksong/client';
import { Link } from '@tanstack/react-router';
import { Notice } from '../ui/notice.tsx';

export function isDeadLink(error: unknown): boolean {
  return error instanceof InksongError && error.code === 'link_invalid';
}

/** A mailed link that is used up, over, or replaced by a newer one; or an address that was opened without its link. */
export function DeadLink({ to, label }: { to: '/forgot-password' | '/sign-up' | '/account'; label: string }) {
  return (
    <Notice kind="error" title="This link does not work any more">
      <p>
        Each works once, for 30 minutes, and only the newest.{' '}
        <Link to={to} className="underline underline-offset-4">
          {label}
        </Link>
      </p>
    </Notice>
  );
}
