import { Button } from './button.tsx';
import { failureText } from './failure-text.ts';
import { Notice } from './notice.tsx';

/** What stands in place of something that could not be read, with a way to try again. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  return (
    <Notice kind="error" action={onRetry && <Button onClick={onRetry}>Try again</Button>}>
      <p>{failureText(error)}</p>
    </Notice>
  );
}
