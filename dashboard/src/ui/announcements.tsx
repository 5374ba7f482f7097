import { Toast } from '@base-ui/react/toast';
import { X } from 'lucide-react';
import type { ReactNode } from 'react';

const toasts = Toast.createToastManager();

/** Tells what has been done, for eyes and screen readers alike; it goes away by itself. */
export function announce(text: string): void {
  toasts.add({ title: text, timeout: 5_000 });
}

export function Announcements({ children }: { children: ReactNode }) {
  return (
    <Toast.Provider toastManager={toasts}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className="fixed inset-x-4 bottom-4 z-50 mx-auto flex max-w-sm flex-col gap-2 sm:right-6 sm:left-auto">
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function ToastList() {
  return Toast.useToastManager().toasts.map((toast) => (
    <Toast.Root
      key={toast.id}
      toast={toast}
      className="flex items-center justify-between gap-3 rounded-lg border border-line bg-surface py-2 pr-2 pl-4 text-sm shadow-lg transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0"
    >
      <Toast.Title className="py-1" />
      <Toast.Close aria-label="Dismiss" className="rounded p-1.5 text-muted hover:text-ink">
        <X size={16} aria-hidden />
      </Toast.Close>
    </Toast.Root>
  ));
}
