import { Checkbox } from '@base-ui/react/checkbox';
import { useBlocker } from '@tanstack/react-router';
import { Check } from 'lucide-react';
import { useId, useState } from 'react';
import { Button } from '../ui/button.tsx';
import { CodeSample } from '../ui/code-sample.tsx';
import { Confirm } from '../ui/confirm.tsx';
import { CopyButton } from '../ui/copy-button.tsx';
import { Notice } from '../ui/notice.tsx';

/**
 * Shows a new key, this once: nothing but the props of this component holds it. It stays until its reader says that the
 * key is stored, and leaving the page before asks first.
 */
export function KeyReveal({ apiKey, doneLabel, onDone }: KeyRevealProps) {
  const [stored, setStored] = useState(false);
  const [reminded, setReminded] = useState(false);
  const checkboxId = useId();
  const leaving = useBlocker({ shouldBlockFn: () => true, enableBeforeUnload: true, withResolver: true });
  const curl = `curl ${location.origin}/api/v1/documents/ \\\n  -H "X-API-Key: ${apiKey}"`;
  return (
    <div className="flex flex-col gap-5">
      <Notice kind="warning" title="This is the only time the key is shown">
        <p>Inksong keeps no more than its fingerprint. Store the key where your servers read their secrets.</p>
      </Notice>
      <div>
        <p className="mb-1.5 text-sm font-medium">Your API key</p>
        <div className="flex flex-wrap items-center gap-3 rounded-lg border border-edge bg-sunken p-3">
          <code className="min-w-0 grow font-mono text-[0.8125rem] break-all select-all">{apiKey}</code>
          <CopyButton kind="primary" text={apiKey} label="Copy key" />
        </div>
      </div>
      <div>
        <p className="mb-1.5 text-sm font-medium">For a .env file</p>
        <CodeSample label="Line for a .env file" code={`INKSONG_API_KEY=${apiKey}`} />
      </div>
      <div>
        <p className="mb-1.5 text-sm font-medium">Try it</p>
        <CodeSample label="curl command" code={curl} />
      </div>
      <div className="flex flex-wrap items-center justify-between gap-4 border-t border-line pt-4">
        <div className="flex items-center gap-2.5">
          <Checkbox.Root
            id={checkboxId}
            checked={stored}
            onCheckedChange={setStored}
            className="grid size-6 shrink-0 place-items-center rounded border border-edge bg-surface data-checked:border-accent data-checked:bg-accent"
          >
            <Checkbox.Indicator className="text-on-accent">
              <Check size={16} aria-hidden />
            </Checkbox.Indicator>
          </Checkbox.Root>
          <label htmlFor={checkboxId} className="py-2 text-sm">
            I have stored the key
          </label>
        </div>
        <Button
          kind="primary"
          aria-disabled={!stored || undefined}
          onClick={() => (stored ? onDone() : setReminded(true))}
        >
          {doneLabel}
        </Button>
        <p role="status" className="w-full text-sm text-warn empty:hidden">
          {reminded && !stored ? 'Tick the box once the key is stored: it cannot be shown again.' : ''}
        </p>
      </div>
      <Confirm
        open={leaving.status === 'blocked'}
        title="Leave without the key?"
        action="Leave"
        busy={false}
        error={null}
        onConfirm={() => leaving.proceed?.()}
        onClose={() => leaving.reset?.()}
      >
        <p>It cannot be shown again. If you have not stored it, you will have to rotate it.</p>
      </Confirm>
    </div>
  );
}

export interface KeyRevealProps {
  /** The secret. Keep it in React state alone: no address, no storage, no query cache. */
  apiKey: string;
  doneLabel: string;
  onDone: () => void;
}
