import { type ReactNode, useEffect, useRef } from 'react';

let firstPage = true;

/** A page's title and what stands below it. Names the tab, and takes the focus when one came here from another page. */
export function Page({ title, about, action, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Inksong`;
    if (!firstPage) heading.current?.focus();
    firstPage = false;
  }, [title]);
  return (
    <>
      <div className="mb-6 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="min-w-0 max-w-2xl">
          <h1 ref={heading} tabIndex={-1} className="font-serif text-3xl tracking-tight">
            {title}
          </h1>
          {about && <p className="mt-1.5 text-muted">{about}</p>}
        </div>
        {action}
      </div>
      <div className="flex flex-col gap-6">{children}</div>
    </>
  );
}

export interface PageProps {
  title: string;
  about?: ReactNode;
  /** What one mostly comes here to do. */
  action?: ReactNode;
  children: ReactNode;
}
