import { Link, Outlet, useLocation, useRouter } from '@tanstack/react-router';
import { Activity, BookOpen, FileText, House, KeyRound, LogOut, MonitorSmartphone, UserRound } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { announce } from '../ui/announcements.tsx';
import { Button } from '../ui/button.tsx';
import { failureText } from '../ui/failure-text.ts';
import { queries } from './queries.ts';
import { inksong, leave, useSessionState } from './session.ts';
import { ThemeSwitch } from './theme-switch.tsx';
import { Unreachable, Waiting } from './waiting.tsx';
import { Wordmark } from './wordmark.tsx';

const pages = [
  { to: '/', label: 'Home', icon: House },
  { to: '/api-key', label: 'API key', icon: KeyRound },
  { to: '/documents', label: 'Documents', icon: FileText },
  { to: '/sessions', label: 'Sessions', icon: MonitorSmartphone },
  { to: '/activity', label: 'Activity', icon: Activity },
  { to: '/account', label: 'Account', icon: UserRound },
] as const;

/** What only a signed-in person sees. Nothing below it is drawn until the server has said that this browser is signed in. */
export function SignedInLayout() {
  const state = useSessionState();
  const router = useRouter();
  useEffect(() => {
    if (state !== 'signed-out' && state !== 'left') return;
    // Another person may sign in next, in this very tab.
    queries.clear();
    const { href } = router.state.location;
    void router.navigate({
      to: '/sign-in',
      search: state === 'left' || href === '/' ? {} : { next: href },
      replace: true,
    });
  }, [state, router]);

  if (state === 'unreachable') return <Unreachable />;
  if (state !== 'signed-in') return <Waiting />;
  return (
    <div className="mx-auto flex min-h-dvh max-w-7xl flex-col lg:flex-row">
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:m-2 focus:rounded focus:bg-surface focus:p-2"
      >
        Skip to the page
      </a>
      <header className="flex shrink-0 flex-col gap-1 border-b border-line px-4 pt-3 lg:sticky lg:top-0 lg:h-dvh lg:w-56 lg:border-r lg:border-b-0 lg:py-6">
        <div className="flex items-center justify-between gap-2 lg:mb-6 lg:px-2">
          <Wordmark />
          <div className="flex items-center lg:hidden">
            <ThemeSwitch />
            <SignOutButton />
          </div>
        </div>
        <PageLinks />
        <div className="mt-auto hidden flex-col gap-1 lg:flex">
          <a
            href="/docs/"
            className="flex min-h-10 items-center gap-2.5 rounded-lg px-3 text-sm text-muted hover:text-ink"
          >
            <BookOpen size={18} aria-hidden /> Guide
          </a>
          <ThemeSwitch />
          <SignOutButton />
        </div>
      </header>
      <main id="main" className="min-w-0 grow px-4 py-6 sm:px-8 lg:py-10">
        <Outlet />
      </main>
    </div>
  );
}

function PageLinks() {
  const nav = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  // biome-ignore lint/correctness/useExhaustiveDependencies: on a phone the links are a strip, and each page has its own place in it.
  useEffect(() => {
    nav.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [pathname]);
  return (
    <nav
      ref={nav}
      aria-label="Pages"
      // On a phone it fades out at the edge, so that one sees there is more of it.
      className="-mx-4 overflow-x-auto px-4 max-lg:mask-r-from-[calc(100%-3rem)] lg:mx-0 lg:px-0"
    >
      <ul className="flex gap-1 pb-2 max-lg:w-max max-lg:pr-8 lg:flex-col">
        {pages.map(({ to, label, icon: Icon }) => (
          <li key={to}>
            <Link
              to={to}
              activeOptions={{ exact: true }}
              activeProps={{ className: 'bg-accent-soft font-medium', 'aria-current': 'page' }}
              inactiveProps={{ className: 'text-muted' }}
              className="flex min-h-10 items-center gap-2.5 rounded-lg px-3 text-sm whitespace-nowrap hover:text-ink"
            >
              <Icon size={18} className="max-sm:hidden" aria-hidden />
              {label}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function SignOutButton() {
  const [busy, setBusy] = useState(false);
  async function signOut(): Promise<void> {
    setBusy(true);
    try {
      await leave(() => inksong.logout());
    } catch (error) {
      // Still signed in: the cookie is there until the server has answered.
      announce(`Not signed out. ${failureText(error)}`);
    } finally {
      setBusy(false);
    }
  }
  return (
    <Button kind="quiet" busy={busy} onClick={signOut} className="justify-start! gap-2.5! px-3! text-muted">
      <LogOut size={18} aria-hidden />
      <span className="whitespace-nowrap max-sm:sr-only">Sign out</span>
    </Button>
  );
}
