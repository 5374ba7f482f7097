import { CopyButton } from './copy-button.tsx';

/** Code to run, with a button that copies it. */
export function CodeSample({ code, label }: { code: string; label: string }) {
  return (
    <div className="flex items-start rounded-lg border border-line bg-sunken">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <section tabIndex={0} aria-label={label} className="min-w-0 grow overflow-x-auto rounded-lg p-4">
        <pre className="font-mono text-[0.8125rem]/5">
          <code>{code}</code>
        </pre>
      </section>
      <div className="shrink-0 p-1.5">
        <CopyButton text={code} kind="quiet" iconOnly />
      </div>
    </div>
  );
}
