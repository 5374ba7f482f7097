import { Check, Copy, X } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button, type ButtonKind } from './button.tsx';

const shownMs = 2_000;

/** Copies a text. "Copied" takes the place of its label in a box as wide as the wider of the two, so that nothing moves. */
export function CopyButton({ text, label = 'Copy', kind = 'secondary', iconOnly = false, onCopy }: CopyButtonProps) {
  const [outcome, setOutcome] = useState<'copied' | 'refused' | null>(null);
  useEffect(() => {
    if (outcome === null) return;
    const timer = setTimeout(() => setOutcome(null), shownMs);
    return () => clearTimeout(timer);
  }, [outcome]);

  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      setOutcome('copied');
      onCopy?.();
    } catch {
      // No permission, or no clipboard at all: plain http on another host.
      setOutcome('refused');
    }
  }

  const Icon = outcome === null ? Copy : outcome === 'copied' ? Check : X;
  const shown = outcome === null ? label : outcome === 'copied' ? 'Copied' : 'Not copied';
  return (
    <>
      <Button kind={kind} onClick={copy} className={iconOnly ? 'px-3!' : ''}>
        <Icon size={16} aria-hidden />
        <span className={iconOnly ? 'sr-only' : 'grid'}>
          {[label, 'Copied', 'Not copied'].map((each) => (
            <span key={each} className={`col-start-1 row-start-1 ${each === shown ? '' : 'invisible'}`}>
              {each}
            </span>
          ))}
        </span>
      </Button>
      <span role="status" className="sr-only">
        {outcome === 'copied' && 'Copied.'}
        {outcome === 'refused' && 'Your browser did not let the page copy. Select the text by hand.'}
      </span>
    </>
  );
}

export interface CopyButtonProps {
  text: string;
  label?: string;
  kind?: ButtonKind;
  /** Shows the icon alone; the label is still its name. */
  iconOnly?: boolean;
  onCopy?: () => void;
}
