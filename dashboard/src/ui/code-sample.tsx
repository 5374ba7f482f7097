import { CopyButton } from './copy-button.tsx';

/** Code to run, with a button that copies it. Long lines wrap, so that no end of a secret is out of sight. */
export function CodeSample({ code, label }: { code: string; label: string }) {
  return (
    <div className="flex items-start rounded-lg border border-line bg-sunken">
      <section aria-label={label} className="min-w-0 grow p-4">
        <pre className="whitespace-pre-wrap font-mono text-[0.8125rem]/5 wrap-anywhere">
          <code>{code}</code>
        </pre>
      </section>
      <div className="shrink-0 p-1.5">
        <CopyButton text={code} kind="quiet" iconOnly />
      </div>
    </div>
  );
}
