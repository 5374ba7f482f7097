import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet } from '@tanstack/react-router';
import { PageFailed } from './page-failed.tsx';
import { PageNotFound } from './page-not-found.tsx';
import { SignedInLayout } from './signed-in-layout.tsx';
import { VisitorLayout } from './visitor-layout.tsx';

const root = createRootRoute({ component: Outlet, notFoundComponent: PageNotFound, errorComponent: PageFailed });

const visitor = createRoute({ getParentRoute: () => root, id: 'visitor', component: VisitorLayout });
const signedIn = createRoute({ getParentRoute: () => root, id: 'signed-in', component: SignedInLayout });

/** Where to go once signed in; only pages of the dashboard itself, or a link could lead anywhere. */
function readNext({ next }: Record<string, unknown>): { next?: string | undefined } {
  // Said also when it is none: what is left out here is taken over from the address as it stands.
  return { next: typeof next === 'string' && /^\/(?![/\\])/.test(next) ? next : undefined };
}

/** What is searched for. A number in an address that was written by hand is a text too. */
function readQ({ q }: Record<string, unknown>): { q?: string | undefined } {
  return { q: typeof q === 'string' || typeof q === 'number' ? String(q) || undefined : undefined };
}

// One chunk a page: what a page needs is fetched when it is opened.
const routes = root.addChildren([
  visitor.addChildren([
    createRoute({
      getParentRoute: () => visitor,
      path: '/sign-in',
      validateSearch: readNext,
      component: lazyRouteComponent(() => import('../sign-in/sign-in-page.tsx'), 'SignInPage'),
    }),
    createRoute({
      getParentRoute: () => visitor,
      path: '/sign-up',
      component: lazyRouteComponent(() => import('../sign-in/sign-up-page.tsx'), 'SignUpPage'),
    }),
    createRoute({
      getParentRoute: () => visitor,
      path: '/forgot-password',
      component: lazyRouteComponent(() => import('../sign-in/forgot-password-page.tsx'), 'ForgotPasswordPage'),
    }),
    createRoute({
      getParentRoute: () => visitor,
      path: '/reset-password',
      component: lazyRouteComponent(() => import('../sign-in/reset-password-page.tsx'), 'ResetPasswordPage'),
    }),
    createRoute({
      getParentRoute: () => visitor,
      path: '/verify-email',
      validateSearch: ({ for: purpose }: Record<string, unknown>): { for?: 'change' | undefined } => ({
        for: purpose === 'change' ? purpose : undefined,
      }),
      component: lazyRouteComponent(() => import('../sign-in/verify-email-page.tsx'), 'VerifyEmailPage'),
    }),
  ]),
  signedIn.addChildren([
    createRoute({
      getParentRoute: () => signedIn,
      path: '/',
      component: lazyRouteComponent(() => import('../home/home-page.tsx'), 'HomePage'),
    }),
    createRoute({
      getParentRoute: () => signedIn,
      path: '/api-key',
      component: lazyRouteComponent(() => import('../api-key/api-key-page.tsx'), 'ApiKeyPage'),
    }),
    createRoute({
      getParentRoute: () => signedIn,
      path: '/documents',
      validateSearch: readQ,
      component: lazyRouteComponent(() => import('../documents/documents-page.tsx'), 'DocumentsPage'),
    }),
    createRoute({
      getParentRoute: () => signedIn,
      path: '/sessions',
      component: lazyRouteComponent(() => import('../sessions/sessions-page.tsx'), 'SessionsPage'),
    }),
    createRoute({
      getParentRoute: () => signedIn,
      path: '/activity',
      component: lazyRouteComponent(() => import('../activity/activity-page.tsx'), 'ActivityPage'),
    }),
    createRoute({
      getParentRoute: () => signedIn,
      path: '/account',
      component: lazyRouteComponent(() => import('../account/account-page.tsx'), 'AccountPage'),
    }),
  ]),
]);

export const router = createRouter({ routeTree: routes, defaultPreload: 'intent', scrollRestoration: true });

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
