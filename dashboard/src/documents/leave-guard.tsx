import { useBlocker } from '@tanstack/react-router';
import { Confirm } from '../ui/confirm.tsx';

/** Asks before the page is left while something is being sent. */
export function LeaveGuard({ active }: { active: boolean }) {
  const { status, proceed, reset } = useBlocker({
    shouldBlockFn: ({ current, next }) => active && current.pathname !== next.pathname,
    enableBeforeUnload: active,
    withResolver: true,
  });
  return (
    <Confirm
      open={status === 'blocked'}
      title="Stop uploading?"
      action="Leave the page"
      busy={false}
      error={null}
      onConfirm={() => proceed?.()}
      onClose={() => reset?.()}
    >
      <p>Files are still being sent. What has not been stored yet is lost when you leave.</p>
    </Confirm>
  );
}
