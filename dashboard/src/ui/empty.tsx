import type { ReactNode } from 'react';

/** What stands where there is nothing yet, and what to do about it. */
export function Empty({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="rounded-lg border border-dashed border-edge p-6 text-center sm:p-10">
      <p className="font-semibold">{title}</p>
      <div className="mx-auto mt-2 flex max-w-xl flex-col gap-4 text-sm text-muted">{children}</div>
    </div>
  );
}
