import { type ReactNode, useId } from 'react';

/** A titled part of a page. */
export function Panel({ title, about, action, children }: PanelProps) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="rounded-xl border border-line bg-surface p-4 sm:p-6">
      <div className={`mb-4 flex flex-wrap justify-between gap-x-4 gap-y-2 ${about ? 'items-start' : 'items-center'}`}>
        <div className="min-w-0 max-w-2xl">
          <h2 id={id} className="text-lg font-semibold wrap-anywhere">
            {title}
          </h2>
          {about && <p className="mt-1 text-sm text-muted">{about}</p>}
        </div>
        {action}
      </div>
      {children}
    </section>
  );
}

export interface PanelProps {
  title: string;
  about?: ReactNode;
  action?: ReactNode;
  children: ReactNode;
}
