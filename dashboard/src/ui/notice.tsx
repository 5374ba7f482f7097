import { CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';

const kinds = {
  info: { icon: Info, className: 'bg-accent-soft' },
  good: { icon: CircleCheck, className: 'bg-good-soft' },
  warning: { icon: TriangleAlert, className: 'bg-warn-soft' },
  error: { icon: CircleAlert, className: 'bg-danger-soft' },
};

/** A remark that stays on the page; warnings and errors are read out when they appear. */
export function Notice({ kind, title, action, children }: NoticeProps) {
  const { icon: Icon, className } = kinds[kind];
  return (
    <div
      role={kind === 'error' || kind === 'warning' ? 'alert' : 'status'}
      className={`flex gap-3 rounded-lg p-3.5 text-sm ${className}`}
    >
      <Icon size={18} className="mt-0.5 shrink-0" aria-hidden />
      <div className="min-w-0 grow">
        {title && <p className="font-semibold">{title}</p>}
        {children}
      </div>
      {action}
    </div>
  );
}

export interface NoticeProps {
  kind: keyof typeof kinds;
  title?: string;
  action?: ReactNode;
  children?: ReactNode;
}
