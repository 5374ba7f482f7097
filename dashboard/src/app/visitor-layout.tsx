import { Outlet } from '@tanstack/react-router';
import { ThemeSwitch } from './theme-switch.tsx';
import { Wordmark } from './wordmark.tsx';

/** Signing in and up, and the pages that mailed links open. */
export function VisitorLayout() {
  return (
    <div className="mx-auto flex min-h-dvh max-w-md flex-col px-4 py-6">
      <header className="flex items-center justify-between">
        <Wordmark />
        <ThemeSwitch />
      </header>
      <main className="my-auto py-8">
        <Outlet />
      </main>
      <footer className="text-center text-sm text-muted">
        <a href="/docs/" className="underline underline-offset-4 hover:text-ink">
          Read the guide
        </a>
      </footer>
    </div>
  );
}
